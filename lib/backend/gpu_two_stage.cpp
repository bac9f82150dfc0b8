// What is queued for each block of columns, in this order: factors, a sweep, a correction.
#include "lib/backend/gpu_two_stage.hpp"

#include <algorithm>
#include <utility>

#include "lib/backend/gpu_kernels/band_chase.hpp"
#include "lib/backend/gpu_kernels/band_reduction.hpp"
#include "lib/backend/gpu_kernels/panel_sweep.hpp"
#include "lib/backend/gpu_kernels/tridiagonal_values.hpp"

namespace attnspec {
namespace {

using gpu_kernels::narrow, gpu_kernels::wide;

std::size_t chase_bytes(std::size_t n, std::size_t width, bool in_memory = true) {
  return gpu_kernels::with_chase({1, n, width, nullptr, nullptr, nullptr, in_memory},
                                 [](const auto& kernel) { return kernel.memory_numbers() * sizeof(double); });
}

std::size_t factors_bytes(std::size_t n, std::size_t width) {
  return gpu_kernels::with_width(width, [&](auto w) {
    return gpu_kernels::PanelFactors<w()>{{1, n, width}}.memory_numbers() * sizeof(double);
  });
}

std::size_t sweep_bytes(std::size_t width) {
  return gpu_kernels::with_width(width, [](auto w) { return gpu_kernels::PanelSweep<w()>::memory_numbers(); }) *
         sizeof(double);
}

/// What a panel's kernels take of a block's memory.
std::size_t panel_bytes(std::size_t n, std::size_t width) {
  return std::max(factors_bytes(n, width), sweep_bytes(width));
}

/// A wide band makes sweeps few and the chase dear. It wins as long as a block's memory holds a panel of it, even where
/// bulges are chased outside of that memory: by a quarter of the time at n = 1024 on an H200, where that was measured
/// with cuBLAS's products in the place of sweeps.
std::size_t width_of(std::size_t n, std::size_t block_memory) {
  return panel_bytes(n, wide) <= block_memory ? wide : narrow;
}

/// The workspace's parts, in numbers of one matrix.
struct Parts {
  std::size_t width, panel, square, squares, band, diagonal;

  Parts(std::size_t n, std::size_t band_width)
      : width(band_width),
        panel(width * n),
        square(width * width),
        squares(GpuPanel{1, n, width}.all_strips() * square),
        band(band_step(width) * n),
        diagonal(n) {}
  std::size_t numbers() const { return 4 * panel + square + squares + band + 2 * diagonal; }
};

/// Of the four blocks of rows two are this step's V and Y, which becomes X, and two the last one's.
void to_bands(GpuDevice& device, unsigned stream, GpuPanel panel, double* rows, double* matrices, double* other) {
  const std::size_t block = panel.width * panel.n;
  for (unsigned turn = 0; panel.column < panel.n; panel.column += panel.width, turn = 1 - turn) {
    panel.matrices = matrices;
    panel.left = other;
    panel.v = rows + turn * 2 * block;
    panel.x = panel.y = panel.v + block;
    device.panel_factors(stream, panel);
    if (panel.rows_below() == 0) continue;
    device.panel_sweep(stream, panel);
    device.panel_correction(stream, panel);
    if (panel.last_v != nullptr) std::swap(matrices, other);
    panel.last_v = panel.v;
    panel.last_x = panel.x;
  }
}

}  // namespace

bool two_stage_fits(GpuDevice& device, std::size_t n) {
  const std::size_t memory = device.block_memory(), width = width_of(n, memory),
                    values =
                        gpu_kernels::TridiagonalValues{{1, n, nullptr, nullptr, nullptr, nullptr}}.memory_numbers();
  return values * sizeof(double) <= memory && chase_bytes(n, width, false) <= memory && panel_bytes(n, width) <= memory;
}

std::size_t two_stage_workspace(GpuDevice& device, std::size_t n, std::size_t count) {
  return count * Parts(n, width_of(n, device.block_memory())).numbers() * sizeof(double);
}

void two_stage_eigenvalues(GpuDevice& device, unsigned stream, std::size_t n, std::size_t count, double* matrices,
                           double* other, double* values, int* info, void* workspace) {
  const std::size_t memory = device.block_memory();
  const Parts parts(n, width_of(n, memory));
  auto* rows = static_cast<double*>(workspace);
  GpuPanel panel{count, n, parts.width};
  panel.t = rows + count * 4 * parts.panel;
  panel.s = panel.t + count * parts.square;
  panel.band = panel.s + count * parts.squares;
  double *diagonals = panel.band + count * parts.band, *off_diagonals = diagonals + count * parts.diagonal;
  to_bands(device, stream, panel, rows, matrices, other);
  const bool in_memory = chase_bytes(n, parts.width) <= memory;
  device.chase(stream, {count, n, parts.width, panel.band, diagonals, off_diagonals, in_memory});
  device.tridiagonal_values(stream, {count, n, diagonals, off_diagonals, values, info});
}

}  // namespace attnspec
