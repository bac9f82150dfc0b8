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
/// the band that are done by then. `lanes` threads a column. A column c that is done stays as it was: R is kept
/// apart, and v_c is the column's rows behind c times a scale, with 1 above them.
template <unsigned width>
struct PanelFactors {
  GpuPanel job;

  static constexpr unsigned threads = 256, lanes = threads / width, at_once = 8;
  static constexpr unsigned side_by_side = 3;  ///< as n = 512 leaves room for
  std::size_t blocks() const { return job.count; }
  std::size_t memory_numbers() const { return width * column_step() + threads + 3 * width + 5 * width * width; }

  template <class Block>
  ATTNSPEC_KERNEL void operator()(Block& block, std::size_t matrix, double* memory) const {
    const std::size_t n = job.n, rows = job.rows_below(), step = column_step(), done = width < rows ? width : rows;
    const double* a = job.matrices + matrix * n * n;
    double *columns = memory, *partial = columns + width * step, *taus = partial + threads, *firsts = taus + width,
           *scales = firsts + width, *meetings = scales + width, *upper = meetings + width * width,
           *t = upper + width * width, *last_v = t + width * width, *last_x = last_v + width * width;
    block.each([&](std::size_t thread) {
      read_columns(a + job.first_row() * n + job.column + thread % width, thread / width,
                   columns + thread % width * step);
      if (thread < width) taus[thread] = firsts[thread] = scales[thread] = 0;
      fetch_last(thread, matrix, last_v, last_x);
    });
    if (job.last_v != nullptr)
      block.each([&](std::size_t thread) {
        constexpr std::size_t rows_at_once = threads / 2;
        const std::size_t k_0 = thread / rows_at_once * (width / 2);
        for (std::size_t i = thread % rows_at_once; i < rows; i += rows_at_once)
          take_last(matrix, i, last_v + k_0, last_x + k_0, columns + k_0 * step + i);
      });
    for (std::size_t c = 0; c < done; ++c) {
      const double* mine = columns + c * step;
      block.each([&](std::size_t thread) {
        partial[thread] = product(mine, columns + thread / lanes * step, c + 1 + thread % lanes, rows);
      });
      // v_c meets every other column: those before it for T, those behind it to be reflected.
      block.each([&](std::size_t thread) {
        const std::size_t k = thread / lanes, lane = thread % lanes;
        const Reflector found = reflector_of(mine[c], sum_of(partial + c * lanes));
        double* other = columns + k * step;
        const double below = found.scale * sum_of(partial + k * lanes);
        if (k < c && lane == 0) meetings[k * width + c] = scales[k] * (other[c] + below);
        if (k == c && lane == 0) {
          taus[c] = found.tau;
          firsts[c] = found.first;
          scales[c] = found.scale;
        }
        if (k <= c) return;
        const double share = found.tau * (other[c] + below), scaled = share * found.scale;
        subtract(scaled, mine, other, c + 1 + lane, rows);
        if (lane == 0) upper[k * width + c] = other[c] - share;
      });
    }
    block.each([&](std::size_t thread) {
      if (thread < width) find_row_of_t(thread, done, taus, meetings, t);
    });
    block.each([&](std::size_t thread) {
      const std::size_t k = thread / lanes;
      double* v = job.v + matrix * job.rows_step() + k * n;
      for (std::size_t i = thread % lanes; i < rows; i += lanes)
        v[i] = i > k ? scales[k] * columns[k * step + i] : (i == k ? 1 : 0);
      for (std::size_t at = thread; at < width * width; at += threads) {
        job.t[matrix * width * width + at] = t[at];
        const std::size_t c = at / width, i = at % width, column = job.column + c;
        if (column >= n) continue;
        double* band = job.band + (matrix * n + column) * band_step(width);
        if (c + i < width && column + i < n)
          band[i] = a[(column + i) * n + column] - share_of_last(c + i, c, last_v, last_x);
        if (i <= c && i < rows) band[width - c + i] = i == c ? firsts[c] : upper[c * width + i];
      }
    });
  }

 private:
  /// Odd, so that threads that go along a row of the panel find as many banks as those that go down a column.
  ATTNSPEC_KERNEL std::size_t column_step() const { return job.rows_below() | 1; }

  /// From row i on, `lanes` rows apart; many numbers are on their way at the same time.
  ATTNSPEC_KERNEL void read_columns(const double* from, std::size_t i, double* to) const {
    constexpr unsigned many = 16;
    for (; i + (many - 1) * lanes < job.rows_below(); i += many * lanes) {
      double numbers[many];
      ATTNSPEC_UNROLL for (unsigned j = 0; j < many; ++j) numbers[j] = from[(i + j * lanes) * job.n];
      ATTNSPEC_UNROLL for (unsigned j = 0; j < many; ++j) to[i + j * lanes] = numbers[j];
    }
    for (; i < job.rows_below(); i += lanes) to[i] = from[i * job.n];
  }

  /// What the last step's V and X have at the panel's own columns; zeros where there was none.
  ATTNSPEC_KERNEL void fetch_last(std::size_t thread, std::size_t matrix, double* v, double* x) const {
    for (std::size_t at = thread; at < width * width; at += threads) {
      const std::size_t place = matrix * job.rows_step() + at / width * job.n + at % width;
      const bool is_there = job.last_v != nullptr && job.column + at % width < job.n;
      v[at] = is_there ? job.last_v[place] : 0;
      x[at] = is_there ? job.last_x[place] : 0;
    }
  }

  /// (V X^T + X V^T)_ik of the last step, both among the panel's own rows.
  ATTNSPEC_KERNEL static double share_of_last(std::size_t i, std::size_t k, const double* v, const double* x) {
    double sum = 0;
    ATTNSPEC_UNROLL for (unsigned l = 0; l < width; ++l) {
      sum += v[l * width + i] * x[l * width + k];
      sum += x[l * width + i] * v[l * width + k];
    }
    return sum;
  }

  /// Half of row i below the panel's own, a column apart one entry from the next: what the last step takes.
  ATTNSPEC_KERNEL void take_last(std::size_t matrix, std::size_t i, const double* last_v, const double* last_x,
                                 double* entries) const {
    double row[width / 2];
    ATTNSPEC_UNROLL for (unsigned k = 0; k < width / 2; ++k) row[k] = entries[k * column_step()];
    const std::size_t place = matrix * job.rows_step() + width + i;
    for (unsigned l_0 = 0; l_0 < width; l_0 += at_once) {
      double v[at_once], x[at_once];
      ATTNSPEC_UNROLL for (unsigned l = 0; l < at_once; ++l) {
        v[l] = job.last_v[place + (l_0 + l) * job.n];
        x[l] = job.last_x[place + (l_0 + l) * job.n];
      }
      ATTNSPEC_UNROLL for (unsigned l = 0; l < at_once; ++l) {
        double of_v[width / 2], of_x[width / 2];
        load(last_v + (l_0 + l) * width, of_v);
        load(last_x + (l_0 + l) * width, of_x);
        ATTNSPEC_UNROLL for (unsigned k = 0; k < width / 2; ++k) row[k] -= v[l] * of_x[k];
        ATTNSPEC_UNROLL for (unsigned k = 0; k < width / 2; ++k) row[k] -= x[l] * of_v[k];
      }
    }
    ATTNSPEC_UNROLL for (unsigned k = 0; k < width / 2; ++k) entries[k * column_step()] = row[k];
  }

  ATTNSPEC_KERNEL static double sum_of(const double* partial) {
    double numbers[lanes], sums[4] = {};
    load(partial, numbers);
    ATTNSPEC_UNROLL for (unsigned lane = 0; lane < lanes; ++lane) sums[lane % 4] += numbers[lane];
    return total(sums);
  }

  /// A lane's share of two columns' product, from its row `from` on; some numbers are on their way at the same time.
  ATTNSPEC_KERNEL static double product(const double* one, const double* other, std::size_t from, std::size_t rows) {
    double sums[at_once] = {};
    std::size_t i = from;
    for (; i + (at_once - 1) * lanes < rows; i += at_once * lanes)
      ATTNSPEC_UNROLL for (unsigned j = 0; j < at_once; ++j) sums[j] += one[i + j * lanes] * other[i + j * lanes];
    for (; i < rows; i += lanes) sums[0] += one[i] * other[i];
    ATTNSPEC_UNROLL for (unsigned j = 1; j < at_once; ++j) sums[0] += sums[j];
    return sums[0];
  }

  /// to -= factor * one, of a lane's rows.
  ATTNSPEC_KERNEL static void subtract(double factor, const double* one, double* to, std::size_t from,
                                       std::size_t rows) {
    std::size_t i = from;
    for (; i + (at_once - 1) * lanes < rows; i += at_once * lanes) {
      double numbers[at_once];
      ATTNSPEC_UNROLL for (unsigned j = 0; j < at_once; ++j) numbers[j] =
          to[i + j * lanes] - factor * one[i + j * lanes];
      ATTNSPEC_UNROLL for (unsigned j = 0; j < at_once; ++j) to[i + j * lanes] = numbers[j];
    }
    for (; i < rows; i += lanes) to[i] -= factor * one[i];
  }

  /// Row r of T = (T', -tau_c T' m_c; 0, tau_c) for columns c of what V's columns before c have to do with v_c; zeros
  /// where there are fewer than `width` reflections.
  ATTNSPEC_KERNEL static void find_row_of_t(std::size_t r, std::size_t done, const double* taus, const double* meetings,
                                            double* t) {
    double row[width];
    ATTNSPEC_UNROLL for (unsigned c = 0; c < width; ++c) {
      double sums[4] = {};
      if (c < done) ATTNSPEC_UNROLL for (unsigned l = 0; l < c; ++l) sums[l % 4] += row[l] * meetings[l * width + c];
      row[c] = c == r ? taus[c] : (c > r ? -taus[c] * total(sums) : 0);
      t[r * width + c] = row[c];
    }
  }
};

/// X = (Y - V T^T S / 2) T in rows, from Y^T = V^T A, with S = Y^T V, of which each strip's part is known: a block some
/// rows of a matrix.
template <unsigned width>
struct PanelCorrection {
  GpuPanel job;

  static constexpr unsigned threads = 256;
  std::size_t blocks() const { return job.count * parts(); }
  static constexpr std::size_t memory_numbers() { return 4 * width * width; }

  template <class Block>
  ATTNSPEC_KERNEL void operator()(Block& block, std::size_t index, double* memory) const {
    const std::size_t matrix = index / parts();
    double *t = memory, *s = t + width * width, *st = s + width * width, *half = st + width * width;
    block.each([&](std::size_t thread) {
      if (thread >= width * width) return;
      t[thread] = job.t[matrix * width * width + thread];
      s[thread] = 0;
      const double* part = job.s + matrix * job.all_strips() * width * width + thread;
      for (std::size_t strip = 0; strip < job.strips(); ++strip) s[thread] += part[strip * width * width];
    });
    block.each([&](std::size_t thread) {
      if (thread >= width * width) return;
      double sum = 0;  // T is zero below its diagonal
      ATTNSPEC_UNROLL for (unsigned p = 0; p < width; ++p) sum +=
          s[thread / width * width + p] * t[p * width + thread % width];
      st[thread] = sum;
    });
    block.each([&](std::size_t thread) {
      if (thread >= width * width) return;
      double sum = 0;
      ATTNSPEC_UNROLL for (unsigned p = 0; p < width; ++p) sum +=
          t[p * width + thread / width] * st[p * width + thread % width];
      half[thread] = sum / 2;
    });
    block.each([&](std::size_t thread) {
      for (std::size_t i = index % parts() * threads + thread; i < job.rows_below(); i += parts() * threads)
        find_column(matrix * job.rows_step() + i, t, half);
    });
  }

 private:
  static_assert(width * width <= threads);

  ATTNSPEC_KERNEL std::size_t parts() const { return (job.rows_below() + threads - 1) / threads; }

  /// `place` of a row's number in V, Y and X.
  ATTNSPEC_KERNEL void find_column(std::size_t place, const double* t, const double* half) const {
    double y[width], v[width];
    ATTNSPEC_UNROLL for (unsigned l = 0; l < width; ++l) {
      y[l] = job.y[place + l * job.n];
      v[l] = job.v[place + l * job.n];
    }
    for (unsigned k = 0; k < width; ++k) {
      double of_half[width], sum = 0;
      load(half + k * width, of_half);
      ATTNSPEC_UNROLL for (unsigned l = 0; l < width; ++l) sum += t[l * width + k] * y[l];
      ATTNSPEC_UNROLL for (unsigned l = 0; l < width; ++l) sum -= of_half[l] * v[l];
      job.x[place + k * job.n] = sum;
    }
  }
};

}  // namespace attnspec::gpu_kernels
