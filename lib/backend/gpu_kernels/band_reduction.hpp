// A step of the way from symmetric matrices to bands: `width` columns lose what lies below the band, Q^T A Q with
// Q = I - V T V^T, and what is left of the matrix waits for A - V X^T - X V^T, a large product.
// (Dongarra, Sorensen, Hammarling 1989, the two-sided blocked update; Schreiber and Van Loan 1989, T.)
#pragma once

#include <cstddef>

#include "lib/backend/gpu_jobs.hpp"
#include "lib/backend/gpu_kernels/block.hpp"
#include "lib/backend/gpu_kernels/reflector.hpp"

namespace attnspec::gpu_kernels {

/// A block a matrix: V and T of the QR factorisation of what lies below the band in these columns, and the columns of
/// the band that are done by then.
struct PanelFactors {
  GpuPanel job;

  static constexpr unsigned threads = 256;
  std::size_t blocks() const { return job.count; }
  std::size_t memory_numbers() const { return threads + 2 * job.width + 3 * job.width * job.width; }

  template <class Block>
  ATTNSPEC_KERNEL void operator()(Block& block, std::size_t matrix, double* memory) const {
    const std::size_t n = job.n, width = job.width, rows = job.rows_below(), lanes = threads / width;
    const std::size_t done = width < rows ? width : rows;
    const double* a = job.matrices + matrix * n * n;
    double* v = job.reflectors(matrix);
    double *partial = memory, *taus = partial + threads, *firsts = taus + width, *upper = firsts + width,
           *meetings = upper + width * width, *t = meetings + width * width;

    block.each([&](std::size_t thread) {
      for (std::size_t at = thread; at < width * rows; at += threads)
        v[at / rows * n + at % rows] = a[(job.column + at / rows) * n + job.column + width + at % rows];
      if (thread < width) taus[thread] = firsts[thread] = 0;
      for (std::size_t at = thread; at < width * width; at += threads) t[at] = 0;
    });
    for (std::size_t c = 0; c < done; ++c) {
      double* mine = v + c * n;
      block.each([&](std::size_t thread) {
        partial[thread] = 0;
        for (std::size_t i = c + 1 + thread; i < rows; i += threads) partial[thread] += mine[i] * mine[i];
      });
      fold_to_first(block, partial, threads, Sum());
      block.each([&](std::size_t thread) {
        const Reflector found = reflector_of(mine[c], partial[0]);
        for (std::size_t i = c + 1 + thread; i < rows; i += threads) mine[i] *= found.scale;
        if (thread > 0) return;
        taus[c] = found.tau;
        firsts[c] = found.first;
      });
      block.each([&](std::size_t thread) { put_away(mine, upper, c, c, thread); });
      // v_c meets every other column: those before it for T, those behind it to be reflected.
      block.each([&](std::size_t thread) {
        const double* other = v + thread / lanes * n;
        double sum = 0;
        for (std::size_t i = c + thread % lanes; i < rows; i += lanes) sum += mine[i] * other[i];
        partial[thread] = sum;
      });
      for (std::size_t half = lanes / 2; half > 0; half /= 2)
        block.each([&](std::size_t thread) {
          if (thread % lanes < half) partial[thread] += partial[thread + half];
        });
      block.each([&](std::size_t thread) {
        if (thread < c) meetings[thread * width + c] = partial[thread * lanes];
        const std::size_t behind = width - c - 1, left = rows - c;
        for (std::size_t at = thread; at < behind * left; at += threads) {
          const std::size_t k = c + 1 + at / left, i = c + at % left;
          v[k * n + i] -= taus[c] * partial[k * lanes] * mine[i];
        }
      });
    }
    block.each([&](std::size_t thread) {
      for (std::size_t c = done; c < width; ++c) put_away(v + c * n, upper, c, rows, thread);
    });
    for (std::size_t c = 0; c < done; ++c)
      block.each([&](std::size_t thread) {
        if (thread == c) t[c * width + c] = taus[c];
        if (thread >= c) return;
        double sum = 0;
        for (std::size_t l = thread; l < c; ++l) sum += t[thread * width + l] * meetings[l * width + c];
        t[thread * width + c] = -taus[c] * sum;
      });
    block.each([&](std::size_t thread) {
      for (std::size_t at = thread; at < width * width; at += threads) {
        job.factors(matrix)[at] = t[at];
        const std::size_t c = at / width, i = at % width, column = job.column + c;
        if (column >= n) continue;
        double* band = job.band + (matrix * n + column) * 2 * width;
        if (c + i < width && column + i < n) band[i] = a[column * n + column + i];
        if (i <= c && i < rows) band[width - c + i] = i == c ? firsts[c] : upper[i * width + c];
      }
    });
  }

 private:
  /// Column c is R above its row `last` and a reflection from there on.
  ATTNSPEC_KERNEL void put_away(double* mine, double* upper, std::size_t c, std::size_t last,
                                std::size_t thread) const {
    if (thread < last) {
      upper[thread * job.width + c] = mine[thread];
      mine[thread] = 0;
    }
    if (thread == c && c < job.rows_below()) mine[c] = 1;
  }
};

/// A block a matrix: X = (Y - V T^T S / 2) T in rows, from Y = V^T A and S = Y V.
struct PanelCorrection {
  GpuPanel job;

  static constexpr unsigned threads = 256;
  std::size_t blocks() const { return job.count; }
  std::size_t memory_numbers() const { return 2 * job.width * job.width; }

  template <class Block>
  ATTNSPEC_KERNEL void operator()(Block& block, std::size_t matrix, double* memory) const {
    const std::size_t n = job.n, width = job.width, rows = job.rows_below();
    const double *t = job.factors(matrix), *s = job.inner(matrix), *y = job.products(matrix),
                 *v = job.reflectors(matrix);
    double *st = memory, *half = memory + width * width;
    block.each([&](std::size_t thread) {
      for (std::size_t at = thread; at < width * width; at += threads) {
        st[at] = 0;
        for (std::size_t p = 0; p <= at % width; ++p) st[at] += s[at / width * width + p] * t[p * width + at % width];
      }
    });
    block.each([&](std::size_t thread) {
      for (std::size_t at = thread; at < width * width; at += threads) {
        double sum = 0;
        for (std::size_t p = 0; p <= at / width; ++p) sum += t[p * width + at / width] * st[p * width + at % width];
        half[at] = sum / 2;
      }
    });
    block.each([&](std::size_t thread) {
      for (std::size_t at = thread; at < width * rows; at += threads) {
        const std::size_t k = at / rows, i = at % rows;
        double sum = 0;
        for (std::size_t l = 0; l <= k; ++l) sum += t[l * width + k] * y[l * n + i];
        for (std::size_t l = 0; l < width; ++l) sum -= half[k * width + l] * v[l * n + i];
        job.before(matrix)[k * n + i] = job.behind(matrix)[k * n + i] = sum;
      }
    });
  }
};

}  // namespace attnspec::gpu_kernels
