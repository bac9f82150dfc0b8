// What is queued for each block of columns, in this order: factors, three products with a correction between them.
#include "lib/backend/gpu_two_stage.hpp"

#include "lib/backend/gpu_fixed_calls.hpp"
#include "lib/backend/gpu_kernels/band_chase.hpp"
#include "lib/backend/gpu_kernels/band_reduction.hpp"
#include "lib/backend/gpu_kernels/tridiagonal_values.hpp"

namespace attnspec {
namespace {

using gpu_kernels::narrow, gpu_kernels::wide;

std::size_t chase_bytes(std::size_t n, std::size_t width, bool in_memory = true) {
  return gpu_kernels::with_width(width, [&](auto w) {
    return gpu_kernels::BandChase<w()>{{1, n, width, nullptr, nullptr, nullptr, in_memory}}.memory_numbers() *
           sizeof(double);
  });
}

std::size_t factors_bytes(std::size_t n, std::size_t width) {
  return gpu_kernels::with_width(width, [&](auto w) {
    return gpu_kernels::PanelFactors<w()>{{1, n, width}}.memory_numbers() * sizeof(double);
  });
}

/// A wide band makes large products cheap and the chase dear. It wins as long as a block's memory holds a panel of it,
/// even where bulges are chased outside of that memory: on an H200 0.58 ms a matrix against 0.77 at n = 1024.
std::size_t width_of(std::size_t n, std::size_t block_memory) {
  return factors_bytes(n, wide) <= block_memory ? wide : narrow;
}

/// The workspace's parts.
struct Parts {
  std::size_t width, panel, square, band, diagonal;  ///< numbers of one matrix

  Parts(std::size_t n, std::size_t band_width)
      : width(band_width), panel(width * n), square(width * width), band(band_step(width) * n), diagonal(n) {}
  std::size_t numbers() const { return 4 * panel + square + band + 2 * diagonal; }
};

/// A panel's share of the work; false where no rows are left below it.
bool reduce(GpuDevice& device, unsigned stream, const GpuPanel& panel, std::size_t a_call, double* matrices) {
  device.panel_factors(stream, panel);
  const std::size_t n = panel.n, width = panel.width, rows = panel.rows_below(), first = panel.column + width;
  if (rows == 0) return false;
  double* rest = matrices + first * n + first;
  const std::size_t step = 3 * width * n;
  const GpuMatrices v{panel.reflectors(0), n, step, false}, v_over{panel.reflectors(0), n, step, true};
  const auto multiply = [&](const GpuProduct& product) { multiply_in_calls(device, stream, product, a_call); };
  multiply({width, rows, rows, panel.count, v, {rest, n, n * n, false}, panel.y, n, width * n});
  device.panel_correction(stream, panel);
  // V X^T + X V^T: rows V, X against rows X, V.
  const GpuMatrices behind{panel.before(0), n, step, false};
  multiply({rows, rows, 2 * width, panel.count, v_over, behind, rest, n, n * n, -1, 1});
  return true;
}

}  // namespace

bool two_stage_fits(GpuDevice& device, std::size_t n) {
  const std::size_t memory = device.block_memory(), width = width_of(n, memory),
                    values =
                        gpu_kernels::TridiagonalValues{{1, n, nullptr, nullptr, nullptr, nullptr}}.memory_numbers();
  return values * sizeof(double) <= memory && chase_bytes(n, width, false) <= memory &&
         factors_bytes(n, width) <= memory;
}

std::size_t two_stage_workspace(GpuDevice& device, std::size_t n, std::size_t count) {
  return count * Parts(n, width_of(n, device.block_memory())).numbers() * sizeof(double);
}

void two_stage_eigenvalues(GpuDevice& device, unsigned stream, std::size_t n, std::size_t count, std::size_t a_call,
                           double* matrices, double* values, int* info, void* workspace) {
  const std::size_t memory = device.block_memory();
  const Parts parts(n, width_of(n, memory));
  const std::size_t held = in_whole_calls(count, a_call);
  GpuPanel panel{count, n, parts.width, 0, matrices};
  panel.panels = static_cast<double*>(workspace);
  panel.y = panel.panels + held * 3 * parts.panel;
  panel.t = panel.y + held * parts.panel;
  panel.band = panel.t + held * parts.square;
  double *diagonals = panel.band + held * parts.band, *off_diagonals = diagonals + held * parts.diagonal;
  for (; panel.column < n && reduce(device, stream, panel, a_call, matrices); panel.column += panel.width) continue;
  const bool in_memory = chase_bytes(n, parts.width) <= memory;
  device.chase(stream, {count, n, parts.width, panel.band, diagonals, off_diagonals, in_memory});
  device.tridiagonal_values(stream, {count, n, diagonals, off_diagonals, values, info});
}

}  // namespace attnspec
