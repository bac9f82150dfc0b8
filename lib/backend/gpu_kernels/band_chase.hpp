// From a symmetric band to a tridiagonal matrix: reflections chase each column's bulge down the band, many columns at
// once (Schwarz 1968; Haidar, Ltaief, Dongarra 2011).
#pragma once

#include <cstddef>

#include "lib/backend/gpu_jobs.hpp"
#include "lib/backend/gpu_kernels/block.hpp"
#include "lib/backend/gpu_kernels/reflector.hpp"

namespace attnspec::gpu_kernels {

/// A block a matrix. Sweep s clears column s below the off-diagonal; its step k works on rows s + 1 + k width and the
/// width - 1 behind. Step k of a sweep touches nothing that step k + 2 or a later one of the sweep before it does, so
/// sweeps follow one another at a distance of two steps, `width` threads each.
struct BandChase {
  GpuChase job;

  static constexpr unsigned threads = 256;
  std::size_t blocks() const { return job.count; }
  std::size_t memory_numbers() const {
    return (job.band_in_memory ? job.n * 2 * job.width : 0) + job.sweeps_at_once() * (2 * job.width + 2);
  }

  template <class Block>
  ATTNSPEC_KERNEL void operator()(Block& block, std::size_t matrix, double* memory) const {
    const std::size_t n = job.n, width = job.width, numbers = n * 2 * width;
    double *stored = job.band + matrix * numbers, *band = job.band_in_memory ? memory : stored;
    double* states = job.band_in_memory ? memory + numbers : memory;
    if (job.band_in_memory)
      block.each([&](std::size_t thread) {
        for (std::size_t at = thread; at < numbers; at += threads) band[at] = stored[at];
      });
    const std::size_t times = n < 3 ? 0 : 2 * (n - 3) + 1;
    for (std::size_t time = 0; time < times; ++time) {
      block.each([&](std::size_t thread) { each_sweep(time, thread, band, states, FromTheRight()); });
      block.each([&](std::size_t thread) { each_sweep(time, thread, band, states, FindReflection()); });
      block.each([&](std::size_t thread) { each_sweep(time, thread, band, states, FromTheLeft()); });
      block.each([&](std::size_t thread) { each_sweep(time, thread, band, states, FromBothSides()); });
    }
    block.each([&](std::size_t thread) {
      for (std::size_t i = thread; i < n; i += threads) {
        job.diagonals[matrix * n + i] = band[i * 2 * width];
        job.off_diagonals[matrix * n + i] = i + 1 < n ? band[i * 2 * width + 1] : 0;
      }
    });
  }

 private:
  /// One step of one sweep, as one of its threads sees it.
  struct Step {
    std::size_t lane, width;
    std::size_t column;         ///< that the reflection clears
    std::size_t row, rows;      ///< that it mixes
    std::size_t before, mixed;  ///< columns that the step before has mixed; mixed = 0: there was none
    double *band, *v, *y, *tau, *first;

    ATTNSPEC_KERNEL double& at(std::size_t i, std::size_t j) const { return band[j * 2 * width + (i - j)]; }
    ATTNSPEC_KERNEL double& symmetric(std::size_t i, std::size_t j) const { return i >= j ? at(i, j) : at(j, i); }
  };

  template <class Work>
  ATTNSPEC_KERNEL void each_sweep(std::size_t time, std::size_t thread, double* band, double* states, Work work) const {
    const std::size_t n = job.n, width = job.width, at_once = job.sweeps_at_once();
    for (std::size_t behind = thread / width; behind < at_once; behind += threads / width) {
      if (behind > time / 2) return;
      const std::size_t sweep = time / 2 - behind, step = time % 2 + 2 * behind, row = sweep + 1 + step * width;
      if (sweep + 2 >= n || row >= n) continue;
      double* state = states + sweep % at_once * (2 * width + 2);
      const std::size_t before = step == 0 ? 0 : row - width;
      work(Step{thread % width, width, step == 0 ? sweep : before, row, n - row < width ? n - row : width, before,
                step == 0 ? 0 : width, band, state, state + width, state + 2 * width, state + 2 * width + 1});
    }
  }

  /// The last step's reflection on the rows that it had not reached.
  struct FromTheRight {
    ATTNSPEC_KERNEL void operator()(const Step& step) const {
      if (step.mixed == 0 || step.lane >= step.rows) return;
      const std::size_t i = step.row + step.lane;
      double sum = 0;
      for (std::size_t l = 0; l < step.mixed; ++l) sum += step.at(i, step.before + l) * step.v[l];
      sum *= *step.tau;
      for (std::size_t l = 0; l < step.mixed; ++l) step.at(i, step.before + l) -= sum * step.v[l];
    }
  };

  /// Its first column holds a bulge now: the reflection that leaves the band's part of it.
  struct FindReflection {
    ATTNSPEC_KERNEL void operator()(const Step& step) const {
      double rest = 0;
      for (std::size_t l = 1; l < step.rows; ++l)
        rest += step.at(step.row + l, step.column) * step.at(step.row + l, step.column);
      const Reflector found = reflector_of(step.at(step.row, step.column), rest);
      if (step.lane < step.rows)
        step.v[step.lane] = step.lane == 0 ? 1 : found.scale * step.at(step.row + step.lane, step.column);
      if (step.lane > 0) return;
      *step.tau = found.tau;
      *step.first = found.first;
    }
  };

  /// Reflects the other columns, and finds y = D v for the square D where its rows meet its columns.
  struct FromTheLeft {
    ATTNSPEC_KERNEL void operator()(const Step& step) const {
      if (step.lane < step.rows) {
        step.at(step.row + step.lane, step.column) = step.lane == 0 ? *step.first : 0;
        double sum = 0;
        for (std::size_t l = 0; l < step.rows; ++l)
          sum += step.symmetric(step.row + step.lane, step.row + l) * step.v[l];
        step.y[step.lane] = sum;
      }
      if (step.lane == 0 || step.lane >= step.mixed) return;
      const std::size_t j = step.before + step.lane;
      double sum = 0;
      for (std::size_t l = 0; l < step.rows; ++l) sum += step.v[l] * step.at(step.row + l, j);
      sum *= *step.tau;
      for (std::size_t l = 0; l < step.rows; ++l) step.at(step.row + l, j) -= sum * step.v[l];
    }
  };

  /// D - v w^T - w v^T with w = tau (y - tau (v^T y) v / 2).
  struct FromBothSides {
    ATTNSPEC_KERNEL void operator()(const Step& step) const {
      if (step.lane >= step.rows) return;
      double product = 0;
      for (std::size_t l = 0; l < step.rows; ++l) product += step.v[l] * step.y[l];
      const double tau = *step.tau, share = tau * product / 2;
      const auto w = [&](std::size_t l) { return tau * (step.y[l] - share * step.v[l]); };
      const double v_i = step.v[step.lane], w_i = w(step.lane);
      for (std::size_t l = 0; l <= step.lane; ++l)
        step.at(step.row + step.lane, step.row + l) -= v_i * w(l) + w_i * step.v[l];
    }
  };
};

}  // namespace attnspec::gpu_kernels
