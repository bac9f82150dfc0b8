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

  static constexpr unsigned threads = 128;
  ATTNSPEC_KERNEL std::size_t parts() const { return (job.n + threads - 1) / threads; }
  std::size_t blocks() const { return job.count * parts(); }
  std::size_t memory_numbers() const { return 2 * padded() + 2 * threads; }

  template <class Block>
  ATTNSPEC_KERNEL void operator()(Block& block, std::size_t index, double* memory) const {
    const std::size_t n = job.n, matrix = index / parts(), part = index % parts();
    const double *from = job.diagonals + matrix * n, *beside = job.off_diagonals + matrix * n;
    double *diagonal = memory, *squares = memory + padded(), *reach = squares + padded(), *total = reach + threads;
    block.each([&](std::size_t thread) {
      reach[thread] = total[thread] = 0;
      for (std::size_t i = thread; i < n; i += threads) {
        const double left = i > 0 ? std::fabs(beside[i - 1]) : 0, right = std::fabs(beside[i]);
        reach[thread] = Largest()(std::fabs(from[i]) + left + right, reach[thread]);
        total[thread] += std::fabs(from[i]) + right;  // unlike the largest, NaN does not get lost in it
      }
    });
    fold_to_first(block, reach, threads, Largest());
    fold_to_first(block, total, threads, Sum());
    block.each([&](std::size_t thread) {
      const double unit = unit_of(reach[0]);
      for (std::size_t i = thread; i < padded(); i += threads) {
        const double e = i > 0 && i < n ? beside[i - 1] / unit : 0;
        diagonal[i] = i < n ? from[i] / unit : behind_all;
        squares[i] = i >= n ? 0 : (std::fabs(e) < least ? least * least : e * e);
      }
    });
    block.each([&](std::size_t thread) {
      const bool finite = total[0] <= DBL_MAX;
      const std::size_t wanted = part * threads + thread;
      if (wanted == 0) job.info[matrix] = finite ? 0 : 1;
      if (wanted < n) job.values[matrix * n + wanted] = finite ? value(wanted, diagonal, squares, reach[0]) : total[0];
    });
  }

 private:
  /// Steps between two looks at how large a minor is.
  static constexpr std::size_t stride = 4;
  /// Of an off-diagonal, in units of the matrix: so far below its rounding, and so large that `stride` minors never
  /// vanish together.
  static constexpr double least = 0x1p-70;
  static constexpr double small = 0x1p-200, large = 0x1p200;
  /// Above every x: a row of it, with nothing beside, changes no sign.
  static constexpr double behind_all = 4;

  ATTNSPEC_KERNEL std::size_t padded() const { return (job.n + stride - 1) / stride * stride; }

  /// A power of two beside which the matrix reaches no further than 1 to 2; 1 where there is nothing to measure.
  ATTNSPEC_KERNEL static double unit_of(double reach) {
    return reach >= 0x1p-1000 && reach <= DBL_MAX ? std::ldexp(1.0, std::ilogb(reach)) : 1;
  }

  /// Eigenvalues below x, both in units.
  ATTNSPEC_KERNEL std::size_t below(double x, const double* diagonal, const double* squares) const {
    std::size_t count = 0;
    double before = 0, last = 1;
    for (std::size_t first = 0; first < padded(); first += stride) {
      ATTNSPEC_UNROLL for (std::size_t i = first; i < first + stride; ++i) {
        const double next = (diagonal[i] - x) * last - squares[i] * before;
        count += (next < 0) != (last < 0);
        before = last;
        last = next;
      }
      const double size = Largest()(std::fabs(before), std::fabs(last)),
                   factor = size < small ? large * large : (size > large ? small : 1);
      before *= factor;
      last *= factor;
    }
    return count;
  }

  /// All eigenvalues lie in [-reach, reach], and all threads halve it alike: values rise.
  ATTNSPEC_KERNEL double value(std::size_t wanted, const double* diagonal, const double* squares, double reach) const {
    const double unit = unit_of(reach);
    double high = reach / unit * (1 + 4 * DBL_EPSILON), low = -high;
    const double wide_enough = high * DBL_EPSILON / 64;
    while (high - low > wide_enough) {
      const double middle = (low + high) / 2;
      if (!(low < middle && middle < high)) break;
      (below(middle, diagonal, squares) <= wanted ? low : high) = middle;
    }
    return (low + high) / 2 * unit;
  }
};

}  // namespace attnspec::gpu_kernels
