// Eigenvalues of symmetric tridiagonal matrices by bisection, a thread each.
#pragma once

#include <cfloat>
#include <cmath>
#include <cstddef>

#include "lib/backend/gpu_jobs.hpp"
#include "lib/backend/gpu_kernels/block.hpp"

namespace attnspec::gpu_kernels {

/// A block some eigenvalues of a matrix. Sturm counts halve Gershgorin's interval until it is narrower than rounding of
/// the matrix by far: what is left of a zero has its square root taken. A count is the changes of sign in the leading
/// minors of A - x, p_i = (d_i - x) p_{i-1} - e_i^2 p_{i-2}, without a division (Barth, Martin, Wilkinson 1967): every
/// p_i is that of entries that differ by rounding.
struct TridiagonalValues {
  GpuTridiagonals job;

  static constexpr unsigned threads = 128, values_each = 2;
  ATTNSPEC_KERNEL std::size_t parts() const { return (job.n + values_each * threads - 1) / (values_each * threads); }
  std::size_t blocks() const { return job.count * parts(); }
  std::size_t memory_numbers() const { return 2 * padded() + 2 * threads; }

  template <class Block>
  ATTNSPEC_KERNEL void operator()(Block& block, std::size_t index, double* memory) const {
    const std::size_t n = job.n, matrix = index / parts(), part = index % parts();
    const double *diagonal = job.diagonals + matrix * n, *beside = job.off_diagonals + matrix * n;
    double *rows = memory, *reach = rows + 2 * padded(), *total = reach + threads;
    block.each([&](std::size_t thread) {
      reach[thread] = total[thread] = 0;
      for (std::size_t i = thread; i < n; i += threads) {
        const double left = i > 0 ? std::fabs(beside[i - 1]) : 0, right = std::fabs(beside[i]);
        reach[thread] = Largest()(std::fabs(diagonal[i]) + left + right, reach[thread]);
        total[thread] += std::fabs(diagonal[i]) + right;  // unlike the largest, NaN does not get lost in it
      }
    });
    fold_to_first(block, reach, threads, Largest());
    fold_to_first(block, total, threads, Sum());
    block.each([&](std::size_t thread) {
      const double unit = unit_of(reach[0]);
      for (std::size_t i = thread; i < padded(); i += threads) {
        const double e = i > 0 && i < n ? beside[i - 1] / unit : 0;
        rows[2 * i] = i < n ? diagonal[i] / unit : 1;  // above every x: what pads the matrix changes no sign
        rows[2 * i + 1] = i >= n ? 0 : (std::fabs(e) < least ? least * least : e * e);
      }
    });
    block.each([&](std::size_t thread) {
      const bool finite = total[0] <= DBL_MAX;
      if (part == 0 && thread == 0) job.info[matrix] = finite ? 0 : 1;
      double values[values_each] = {};
      const std::size_t begin = part * values_each * threads, first = begin + thread, apart = values_apart(n - begin);
      if (thread >= apart) return;
      if (finite) find_values(first, apart, rows, reach[0], values);
      ATTNSPEC_UNROLL for (unsigned e = 0; e < values_each; ++e) if (first + e * apart < n)
          job.values[matrix * n + first + e * apart] = finite ? values[e] : total[0];
    });
  }

 private:
  /// Steps between two looks at how small a minor is.
  static constexpr std::size_t stride = 4;
  /// Of an off-diagonal, in units of the matrix: far below its rounding, and so large that from `small` on no `stride`
  /// minors vanish together.
  static constexpr double least = 0x1p-70;
  static constexpr double small = 0x1p-200, from_small = 0x1p600;

  /// From one of a thread's values to the next, and so many threads find some: all find as many, where fewer are left
  /// than a block finds.
  ATTNSPEC_KERNEL static std::size_t values_apart(std::size_t left) {
    const std::size_t few = (left + values_each - 1) / values_each;
    return few < threads ? few : threads;
  }

  ATTNSPEC_KERNEL std::size_t padded() const { return (job.n + stride - 1) / stride * stride; }

  /// A power of two beside which the matrix reaches no further than 1/8 to 1/4, so that minors never grow; 1 where
  /// there is nothing to measure.
  ATTNSPEC_KERNEL static double unit_of(double reach) {
    return reach >= 0x1p-1000 && reach <= 0x1p1000 ? std::ldexp(1.0, std::ilogb(reach) + 3) : 1;
  }

  ATTNSPEC_KERNEL static unsigned unlike_signs(double a, double b) {
#ifdef __CUDA_ARCH__
    return static_cast<unsigned>(__double2hiint(a) ^ __double2hiint(b)) >> 31;
#else
    return std::signbit(a) != std::signbit(b);
#endif
  }

  /// Eigenvalues below each x, in units.
  ATTNSPEC_KERNEL void count_below(const double (&x)[values_each], const double* rows,
                                   unsigned (&counts)[values_each]) const {
    double before[values_each], last[values_each];
    ATTNSPEC_UNROLL for (unsigned e = 0; e < values_each; ++e) {
      counts[e] = 0;
      before[e] = 0;
      last[e] = 1;
    }
    const double* end = rows + 2 * padded();
    for (; rows != end; rows += 2 * stride) {
      ATTNSPEC_UNROLL for (unsigned i = 0; i < stride; ++i) {
        double row[2];
        load(rows + 2 * i, row);
        ATTNSPEC_UNROLL for (unsigned e = 0; e < values_each; ++e) {
          const double next = (row[0] - x[e]) * last[e] - row[1] * before[e];
          counts[e] += unlike_signs(next, last[e]);
          before[e] = last[e];
          last[e] = next;
        }
      }
      ATTNSPEC_UNROLL for (unsigned e = 0; e < values_each;
                           ++e) if (std::fabs(before[e]) < small && std::fabs(last[e]) < small) {
        before[e] *= from_small;
        last[e] *= from_small;
      }
    }
  }

  /// Those that `first` and the ones `apart` behind come to in rising order. All lie in [-reach, reach], and all
  /// threads halve it alike: values rise.
  ATTNSPEC_KERNEL void find_values(std::size_t first, std::size_t apart, const double* rows, double reach,
                                   double (&values)[values_each]) const {
    const double unit = unit_of(reach), bound = reach / unit * (1 + 4 * DBL_EPSILON);
    double low[values_each], middle[values_each], width = 2 * bound;
    ATTNSPEC_UNROLL for (unsigned e = 0; e < values_each; ++e) low[e] = -bound;
    while (width > bound * (DBL_EPSILON / 64)) {
      unsigned counts[values_each];
      width /= 2;
      ATTNSPEC_UNROLL for (unsigned e = 0; e < values_each; ++e) middle[e] = low[e] + width;
      count_below(middle, rows, counts);
      ATTNSPEC_UNROLL for (unsigned e = 0; e < values_each; ++e) if (counts[e] <= first + e * apart) low[e] = middle[e];
    }
    ATTNSPEC_UNROLL for (unsigned e = 0; e < values_each; ++e) values[e] = (low[e] + width / 2) * unit;
  }
};

}  // namespace attnspec::gpu_kernels
