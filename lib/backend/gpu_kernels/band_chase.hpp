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
/// sweeps follow one another at a distance of two steps, `width` threads each, all of one warp. What lies below the
/// matrix in a column of the band is zero, so that most loops go over `width` numbers whatever is left of the matrix.
template <unsigned width, unsigned threads_of_a_block>
struct BandChase {
  GpuChase job;

  static constexpr unsigned threads = threads_of_a_block;
  static constexpr bool takes_long = true;  ///< so that no block shall wait for another's place
  static constexpr unsigned side_by_side = threads < 256 ? 4 : 2;
  static_assert(32 % width == 0);
  std::size_t blocks() const { return job.count; }
  std::size_t memory_numbers() const {
    return (job.band_in_memory ? job.n * length : 0) + job.sweeps_at_once() * state_numbers;
  }

  template <class Block>
  ATTNSPEC_KERNEL void operator()(Block& block, std::size_t matrix, double* memory) const {
    const std::size_t numbers = job.n * length;
    double* stored = job.band + matrix * numbers;
    if (!job.band_in_memory) return chase(block, matrix, stored, memory);
    block.each([&](std::size_t thread) {
      for (std::size_t at = thread; at < numbers; at += threads) memory[at] = stored[at];
    });
    chase(block, matrix, memory, memory + numbers);
  }

 private:
  static constexpr std::size_t length = band_step(width), state_numbers = 2 * width + 2;

  /// Made twice, so that the compiler knows which memory the band is in.
  template <class Block>
  ATTNSPEC_KERNEL void chase(Block& block, std::size_t matrix, double* band, double* states) const {
    const auto n = static_cast<unsigned>(job.n), times = n < 3 ? 0 : 2 * (n - 3) + 1;
    Sweeps sweeps{n, static_cast<unsigned>(job.sweeps_at_once()), 0, band, states};
    for (unsigned time = 0; time < times; ++time) {
      if (time % 2 == 0 && time > 0) sweeps.go_on();
      block.each_warp([&](std::size_t thread) { sweeps.each(time, thread, FromTheRight()); });
      block.each_warp([&](std::size_t thread) { sweeps.each(time, thread, FindReflection()); });
      block.each_warp([&](std::size_t thread) { sweeps.each(time, thread, FromTheLeft()); });
      block.each([&](std::size_t thread) { sweeps.each(time, thread, FromBothSides()); });
    }
    block.each([&](std::size_t thread) {
      for (std::size_t i = thread; i < n; i += threads) {
        job.diagonals[matrix * n + i] = band[i * length];
        job.off_diagonals[matrix * n + i] = i + 1 < n ? band[i * length + 1] : 0;
      }
    });
  }

  /// One step of one sweep, as one of its threads sees it.
  struct Step {
    unsigned lane;
    bool mixed;      ///< the step before has mixed `width` columns, from `before` on
    unsigned rows;   ///< that it mixes
    double* square;  ///< at row `row`, column `row`: the square where its rows meet its columns
    double* below;   ///< at row `row`, column `before`, and without a step before at the column to be cleared
    double *v, *y, *tau, *first;
  };

  /// Row i, column j of what starts there: one column to the right is one row up in a column of the band.
  ATTNSPEC_KERNEL static double& at(double* start, unsigned i, unsigned j) { return start[j * (length - 1) + i]; }

  ATTNSPEC_KERNEL static double& symmetric(double* start, unsigned i, unsigned j) {
    return i >= j ? at(start, i, j) : at(start, j, i);
  }

  /// Those under way, and where their band is.
  struct Sweeps {
    unsigned n, at_once;
    unsigned newest_state;  ///< of the sweep that began last; those before it have the ones before, in a ring
    double *band, *states;

    ATTNSPEC_KERNEL void go_on() { newest_state = newest_state + 1 == at_once ? 0 : newest_state + 1; }

    template <class Work>
    ATTNSPEC_KERNEL void each(unsigned time, std::size_t thread, Work work) const {
      for (unsigned behind = static_cast<unsigned>(thread) / width; behind < at_once; behind += threads / width) {
        if (behind > time / 2) return;
        const unsigned sweep = time / 2 - behind, step = time % 2 + 2 * behind, row = sweep + 1 + step * width;
        if (sweep + 2 >= n || row >= n) continue;
        const unsigned before = step == 0 ? sweep : row - width;
        double* state =
            states + (newest_state >= behind ? newest_state - behind : newest_state + at_once - behind) * state_numbers;
        work(Step{static_cast<unsigned>(thread % width), step > 0, n - row < width ? n - row : width,
                  band + row * length, band + before * length + (row - before), state, state + width, state + 2 * width,
                  state + 2 * width + 1});
      }
    }
  };

  /// The last step's reflection on the rows that it had not reached.
  struct FromTheRight {
    ATTNSPEC_KERNEL void operator()(const Step& step) const {
      if (!step.mixed || step.lane >= step.rows) return;
      double row[width], v[width];
      load(step.v, v);
      ATTNSPEC_UNROLL for (unsigned l = 0; l < width; ++l) row[l] = at(step.below, step.lane, l);
      const double sum = *step.tau * product_of(row, v);
      ATTNSPEC_UNROLL for (unsigned l = 0; l < width; ++l) at(step.below, step.lane, l) = row[l] - sum * v[l];
    }
  };

  /// Its first column holds a bulge now: the reflection that leaves the band's part of it.
  struct FindReflection {
    ATTNSPEC_KERNEL void operator()(const Step& step) const {
      double rest[width] = {};
      ATTNSPEC_UNROLL for (unsigned l = 1; l < width; ++l) rest[l] = step.below[l];
      const Reflector found = reflector_of(step.below[0], product_of(rest, rest));
      step.v[step.lane] = step.lane == 0 ? 1 : found.scale * step.below[step.lane];
      if (step.lane > 0) return;
      *step.tau = found.tau;
      *step.first = found.first;
    }
  };

  /// Reflects the other columns, and finds y = D v for the square D where its rows meet its columns.
  struct FromTheLeft {
    ATTNSPEC_KERNEL void operator()(const Step& step) const {
      double v[width], row[width] = {}, column[width] = {};
      load(step.v, v);
      const bool has_row = step.lane<step.rows, has_column = step.lane> 0 && step.mixed;
      if (has_row) ATTNSPEC_UNROLL for (unsigned l = 0; l < width; ++l) row[l] = symmetric(step.square, step.lane, l);
      if (has_column) ATTNSPEC_UNROLL for (unsigned l = 0; l < width; ++l) column[l] = at(step.below, l, step.lane);
      step.y[step.lane] = product_of(row, v);
      if (has_row) step.below[step.lane] = step.lane == 0 ? *step.first : 0;
      if (!has_column) return;
      const double sum = *step.tau * product_of(column, v);
      ATTNSPEC_UNROLL for (unsigned l = 0; l < width; ++l) at(step.below, l, step.lane) = column[l] - sum * v[l];
    }
  };

  /// D - v w^T - w v^T with w = tau (y - tau (v^T y) v / 2).
  struct FromBothSides {
    ATTNSPEC_KERNEL void operator()(const Step& step) const {
      if (step.lane >= step.rows) return;
      double v[width], w[width];
      load(step.v, v);
      load(step.y, w);
      const double tau = *step.tau, share = tau * product_of(v, w) / 2, v_i = step.v[step.lane],
                   w_i = tau * (step.y[step.lane] - share * v_i);
      double row[width];  // up to the diagonal; behind that the diagonal again
      ATTNSPEC_UNROLL for (unsigned l = 0; l < width; ++l) row[l] =
          at(step.square, step.lane, l < step.lane ? l : step.lane);
      ATTNSPEC_UNROLL for (unsigned l = 0; l < width; ++l) {
        const double w_l = tau * (w[l] - share * v[l]);
        row[l] = row[l] - v_i * w_l - w_i * v[l];
      }
      ATTNSPEC_UNROLL for (unsigned l = 0; l < width; ++l) if (l <= step.lane) at(step.square, step.lane, l) = row[l];
    }
  };
};

/// Calls work with the kernel that has as many threads as sweeps of this size keep busy.
template <class Work>
auto with_chase(const GpuChase& job, const Work& work) {
  constexpr unsigned few = 128;
  return with_width(job.width, [&](auto width) {
    if (job.sweeps_at_once() * width() <= few) return work(BandChase<width(), few>{job});
    return work(BandChase < width(), width() < wide ? 512 : 256 > {job});
  });
}

}  // namespace attnspec::gpu_kernels
