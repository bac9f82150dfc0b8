// Eigenvalues of symmetric tridiagonal matrices by bisection, a thread each.
#pragma once

#include <cfloat>
#include <cmath>
#include <cstddef>

#include "lib/backend/gpu_jobs.hpp"
#include "lib/backend/gpu_kernels/block.hpp"

namespace attnspec::gpu_kernels {

/// A block some eigenvalues of a matrix. Sturm counts (Golub and Van Loan 2013, 8.4.1; LAPACK's dlaebz for the smallest
/// pivot) halve Gershgorin's interval until it is as narrow as rounding of the matrix: the Gram matrix gives no more.
struct TridiagonalValues {
  GpuTridiagonals job;

  static constexpr unsigned threads = 128;
  ATTNSPEC_KERNEL std::size_t parts() const { return (job.n + threads - 1) / threads; }
  std::size_t blocks() const { return job.count * parts(); }
  std::size_t memory_numbers() const { return 2 * job.n + 3 * threads; }

  template <class Block>
  ATTNSPEC_KERNEL void operator()(Block& block, std::size_t index, double* memory) const {
    const std::size_t n = job.n, matrix = index / parts(), part = index % parts();
    const double *from = job.diagonals + matrix * n, *beside = job.off_diagonals + matrix * n;
    double *diagonal = memory, *squares = memory + n, *reach = squares + n, *largest = reach + threads,
           *total = largest + threads;
    block.each([&](std::size_t thread) {
      reach[thread] = largest[thread] = total[thread] = 0;
      for (std::size_t i = thread; i < n; i += threads) {
        const double left = i > 0 ? std::fabs(beside[i - 1]) : 0, right = std::fabs(beside[i]);
        diagonal[i] = from[i];
        squares[i] = beside[i] * beside[i];
        reach[thread] = Largest()(std::fabs(from[i]) + left + right, reach[thread]);
        largest[thread] = Largest()(squares[i], largest[thread]);
        total[thread] += std::fabs(from[i]) + right;  // unlike the largest, NaN does not get lost in it
      }
    });
    fold_to_first(block, reach, threads, Largest());
    fold_to_first(block, largest, threads, Largest());
    fold_to_first(block, total, threads, Sum());
    block.each([&](std::size_t thread) {
      const bool finite = total[0] <= DBL_MAX;
      const std::size_t wanted = part * threads + thread;
      if (wanted == 0) job.info[matrix] = finite ? 0 : 1;
      if (wanted < n)
        job.values[matrix * n + wanted] =
            finite ? value(wanted, diagonal, squares, reach[0], smallest_pivot(largest[0])) : total[0];
    });
  }

 private:
  ATTNSPEC_KERNEL static double smallest_pivot(double largest_square) {
    return DBL_MIN * (largest_square > 1 ? largest_square : 1);
  }

  /// Eigenvalues below x.
  ATTNSPEC_KERNEL std::size_t below(double x, const double* diagonal, const double* squares, double pivot) const {
    std::size_t count = 0;
    double last = 1;
    for (std::size_t i = 0; i < job.n; ++i) {
      last = diagonal[i] - x - (i > 0 ? squares[i - 1] / last : 0);
      if (std::fabs(last) < pivot) last = -pivot;
      count += last < 0;
    }
    return count;
  }

  /// All eigenvalues lie in [-reach, reach], and all threads halve it alike: values rise.
  ATTNSPEC_KERNEL double value(std::size_t wanted, const double* diagonal, const double* squares, double reach,
                               double pivot) const {
    double low = -reach * (1 + 4 * DBL_EPSILON), high = -low;
    const double wide_enough = reach * DBL_EPSILON / 2;
    while (high - low > wide_enough) {
      const double middle = (low + high) / 2;
      if (!(low < middle && middle < high)) break;
      (below(middle, diagonal, squares, pivot) <= wanted ? low : high) = middle;
    }
    return (low + high) / 2;
  }
};

}  // namespace attnspec::gpu_kernels
