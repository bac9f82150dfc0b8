// What is left of symmetric matrices beside a panel, and what the next panel's V has to do with it, in one pass:
// A - V X^T - X V^T of the last step, and Y = A V of this one.
#pragma once

#include <cstddef>

#include "lib/backend/gpu_jobs.hpp"
#include "lib/backend/gpu_kernels/block.hpp"
#include "lib/backend/gpu_kernels/warp_product.hpp"

namespace attnspec::gpu_kernels {

/// A block a strip of `tile` rows of a matrix, whose Y it finds: it goes through the strip's tiles, and takes those
/// above the diagonal from the lower half, turned over. What is left of a tile is written by the strip that it lies
/// in, and not where it was read. Strips and tiles begin at multiples of `tile` whatever the panel, so that a tile on
/// the diagonal is always there as a whole. Places within a matrix are 32 bits.
///
/// Each warp keeps its part of a tile where a product has left it, in its threads' own numbers, and multiplies it by V
/// from there. The next tile and its rows of V and X are on their way meanwhile.
template <unsigned width>
struct PanelSweep {
  GpuPanel job;

  static constexpr unsigned threads = 256, tile = static_cast<unsigned>(sweep_tile());
  static constexpr unsigned side_by_side = 2;  ///< one waits for memory while the other multiplies
  std::size_t blocks() const { return job.count * job.strips(); }
  static constexpr std::size_t memory_numbers() { return 8 * rows_numbers; }

  template <class Block>
  ATTNSPEC_KERNEL void operator()(Block& block, std::size_t index, double* memory) const {
    const auto first = static_cast<unsigned>(job.first_strip()), end = static_cast<unsigned>(job.all_strips());
    const Strip strip{index / job.strips(), first + static_cast<unsigned>(index % job.strips())};
    // Rows of the last step's V and X, negative; then twice what is of another strip: V, X, and V of this step.
    double *mine = memory, *others = mine + 2 * rows_numbers, *next_others = others + 3 * rows_numbers;
    Kept<Part, threads> parts, next_parts;
    Kept<Sums, threads> sums;
    const auto phase = [&](const auto& work) {
      block.each([&](std::size_t thread) { work(static_cast<unsigned>(thread)); });
    };
    phase([&](unsigned thread) {
      if (has_last()) keep_negative(thread, strip, mine);
      fetch_others(thread, {strip.matrix, first}, others);
      read_part(thread, strip, first, next_parts.of(thread));
      sums.of(thread) = {};
      finish_fetches();
    });
    for (unsigned other = first; other < end; ++other) {
      block.each_warp([&](std::size_t at) {
        const auto thread = static_cast<unsigned>(at);
        Part& part = parts.of(thread);
        part = next_parts.of(thread);
        if (other + 1 < end) fetch_others(thread, {strip.matrix, other + 1}, next_others);
        if (!has_last()) return;
        take_last(thread, mine, others, part);
        if (strip.number >= other) write_part(thread, strip, other, part);
      });
      phase([&](unsigned thread) {
        // No sooner: a thread has not the registers for two parts and for what take_last() multiplies.
        if (other + 1 < end) read_part(thread, strip, other + 1, next_parts.of(thread));
        add_product(thread, parts, others + 2 * rows_numbers, sums.of(thread));
        finish_fetches();
      });
      double* const done = others;
      others = next_others;
      next_others = done;
    }
    // The warps to the right have gone through other columns of the same rows.
    double *y = memory, *v = y + rows_numbers;
    phase([&](unsigned thread) {
      if (thread / 32 >= warps_down)
        each_sum(thread, sums.of(thread), [&](std::size_t at, double sum) { y[at] = sum; });
      each_row(thread, strip, job.v, first_row(), [&](const double* from, unsigned l, unsigned i, bool is_left) {
        v[l * row_step + i] = is_left ? *from : 0;
      });
    });
    phase([&](unsigned thread) {
      if (thread / 32 < warps_down)
        each_sum(thread, sums.of(thread), [&](std::size_t at, double sum) { y[at] += sum; });
    });
    phase([&](unsigned thread) {
      each_row(thread, strip, job.y, first_row(), [&](double* to, unsigned l, unsigned i, bool is_left) {
        if (is_left) *to = y[l * row_step + i];
      });
      find_part_of_s(thread, y, v, job.s + (strip.matrix * end + strip.number - first) * width * width);
    });
  }

 private:
  struct Strip {
    std::size_t matrix;
    unsigned number;
  };

  /// A warp's part of a tile, and of Y: a thread has as much of it as warp_product.hpp says, for every eight columns.
  static constexpr unsigned warp_rows = 16, warp_cols = 32, warps_down = tile / warp_rows;
  struct Part {
    double numbers[warp_cols / 8][4];
  };
  struct Sums {
    double numbers[width / 8][4];
  };
  static_assert(warps_down * (tile / warp_cols) * 32 == threads);

  /// Between rows of what lies in a block's memory: four threads side by side and four below each find as many banks.
  static constexpr unsigned row_step = tile + 4, rows_numbers = width * row_step;
  static constexpr unsigned inner = 16;  ///< of a warp's product

  ATTNSPEC_KERNEL bool has_last() const { return job.last_v != nullptr; }
  ATTNSPEC_KERNEL unsigned n() const { return static_cast<unsigned>(job.n); }
  ATTNSPEC_KERNEL unsigned first_row() const { return static_cast<unsigned>(job.column) + width; }
  ATTNSPEC_KERNEL bool is_left(unsigned row) const { return row >= first_row() && row < n(); }
  ATTNSPEC_KERNEL static unsigned row_of_warp(unsigned thread) { return thread / 32 % warps_down * warp_rows; }
  ATTNSPEC_KERNEL static unsigned col_of_warp(unsigned thread) { return thread / 32 / warps_down * warp_cols; }

  /// work(place, l, i, is_left) for a thread's share of a strip's numbers in rows of n, whose first is that of row
  /// `origin` of the matrix; a place is one of them whether anything is left or not.
  template <class Number, class Work>
  ATTNSPEC_KERNEL void each_row(unsigned thread, const Strip& strip, Number* rows, unsigned origin,
                                const Work& work) const {
    constexpr unsigned rows_apart = threads / tile;
    const unsigned i = thread % tile, row = strip.number * tile + i;
    Number* place =
        rows + strip.matrix * job.rows_step() + thread / tile * n() + (is_left(row) ? row : first_row()) - origin;
    ATTNSPEC_UNROLL for (unsigned l = 0; l < width; l += rows_apart)
        work(place + l * n(), thread / tile + l, i, is_left(row));
  }

  ATTNSPEC_KERNEL void keep_negative(unsigned thread, const Strip& strip, double* mine) const {
    const auto keep = [&](const double* rows, double* to) {
      each_row(thread, strip, rows, first_row() - width, [&](const double* from, unsigned l, unsigned i, bool is_left) {
        to[l * row_step + i] = is_left ? -*from : 0;
      });
    };
    keep(job.last_v, mine);
    keep(job.last_x, mine + rows_numbers);
  }

  /// This step's V with each eight numbers as a part's threads have them: the even ones before the odd ones.
  ATTNSPEC_KERNEL void fetch_others(unsigned thread, const Strip& other, double* others) const {
    const auto fetch_rows = [&](const double* rows, unsigned origin, unsigned at, double* to) {
      each_row(thread, other, rows, origin, [&](const double* from, unsigned l, unsigned, bool is_left) {
        fetch(from, is_left, to + l * row_step + at);
      });
    };
    const unsigned i = thread % tile;
    if (has_last()) {
      fetch_rows(job.last_v, first_row() - width, i, others);
      fetch_rows(job.last_x, first_row() - width, i, others + rows_numbers);
    }
    fetch_rows(job.v, first_row(), i / 8 * 8 + i % 2 * 4 + i / 2 % 4, others + 2 * rows_numbers);
  }

  /// work(i, k, numbers) for a thread's pairs of a part: rows i of the strip, columns k and k + 1 of the other.
  template <class SomePart, class Work>
  ATTNSPEC_KERNEL static void each_pair(unsigned thread, SomePart& part, const Work& work) {
    const unsigned lane = thread % 32;
    ATTNSPEC_UNROLL for (unsigned b = 0; b < warp_cols / 8; ++b)
        ATTNSPEC_UNROLL for (unsigned half = 0; half < 2; ++half)
            work(row_of_warp(thread) + lane / 4 + 8 * half, col_of_warp(thread) + 8 * b + 2 * (lane % 4),
                 part.numbers[b] + 2 * half);
  }

  ATTNSPEC_KERNEL void read_part(unsigned thread, const Strip& strip, unsigned other, Part& part) const {
    const double* from = job.matrices + strip.matrix * job.n * job.n;
    if (strip.number < other)
      each_pair(thread, part, [&](unsigned i, unsigned k, double* pair) {
        const unsigned col = strip.number * tile + i, row = other * tile + k, place = row * n() + col;
        pair[0] = is_left(col) && is_left(row) ? from[place] : 0;
        pair[1] = is_left(col) && is_left(row + 1) ? from[place + n()] : 0;
      });
    else
      each_pair(thread, part, [&](unsigned i, unsigned k, double* pair) {
        const unsigned row = strip.number * tile + i, col = other * tile + k, place = row * n() + col;
        const bool one = is_left(row) && is_left(col), two = is_left(row) && is_left(col + 1);
        if (job.n % 2 == 0) {  // both are left, or none
          double both[2] = {};
          if (one) load(from + place, both);
          pair[0] = both[0];
          pair[1] = both[1];
        } else {
          pair[0] = one ? from[place] : 0;
          pair[1] = two ? from[place + 1] : 0;
        }
      });
  }

  ATTNSPEC_KERNEL void write_part(unsigned thread, const Strip& strip, unsigned other, const Part& part) const {
    double* to = job.left + strip.matrix * job.n * job.n + (strip.number * tile * n() + other * tile);
    each_pair(thread, part, [&](unsigned i, unsigned k, const double* pair) {
      const bool row = is_left(strip.number * tile + i);
      const bool one = row && is_left(other * tile + k), two = row && is_left(other * tile + k + 1);
      if (job.n % 2 == 0) {
        if (one) store(pair, to + (i * n() + k));
      } else {
        if (one) to[i * n() + k] = pair[0];
        if (two) to[i * n() + k + 1] = pair[1];
      }
    });
  }

  /// part -= V X^T + X V^T.
  ATTNSPEC_KERNEL static void take_last(unsigned thread, const double* mine, const double* others, Part& part) {
    mine += row_of_warp(thread);
    others += col_of_warp(thread);
    ATTNSPEC_UNROLL for (unsigned k_0 = 0; k_0 < 2 * width; k_0 += inner)
        ATTNSPEC_UNROLL for (unsigned b = 0; b < warp_cols / 8; ++b) add_warp_product(
            thread % 32, [&](unsigned i, unsigned k) { return mine[(k_0 + k) * row_step + i]; },
            [&](unsigned k, unsigned j) {  // X for V and V for X
              return others[(k_0 + k + width) % (2 * width) * row_step + 8 * b + j];
            },
            part.numbers[b]);
  }

  /// sums += a warp's part of a tile, times V.
  ATTNSPEC_KERNEL static void add_product(unsigned thread, Kept<Part, threads>& parts, const double* v, Sums& sums) {
    v += col_of_warp(thread);
    ATTNSPEC_UNROLL for (unsigned k_0 = 0; k_0 < warp_cols; k_0 += inner)
        ATTNSPEC_UNROLL for (unsigned l = 0; l < width / 8; ++l) add_warp_product(
            thread % 32,
            [&](unsigned i, unsigned k) {
              return parts.of(thread / 32 * 32 + i % 8 * 4 + k % 4).numbers[(k_0 + k) / 8][i / 8 * 2 + k / 4 % 2];
            },
            [&](unsigned k, unsigned j) { return v[(8 * l + j) * row_step + k_0 + k]; }, sums.numbers[l]);
  }

  /// work(place in Y's rows, sum).
  template <class Work>
  ATTNSPEC_KERNEL static void each_sum(unsigned thread, const Sums& sums, const Work& work) {
    const unsigned lane = thread % 32, i = row_of_warp(thread) + lane / 4;
    ATTNSPEC_UNROLL for (unsigned l = 0; l < width / 8; ++l) ATTNSPEC_UNROLL for (unsigned e = 0; e < 4; ++e)
        work((8 * l + 2 * (lane % 4) + e % 2) * row_step + i + e / 2 * 8, sums.numbers[l][e]);
  }

  /// Y^T V of a strip.
  ATTNSPEC_KERNEL static void find_part_of_s(unsigned thread, const double* y, const double* v, double* to) {
    const unsigned lane = thread % 32, l_0 = thread / 32 * 8;
    if (l_0 >= width) return;
    double c[4] = {};
    ATTNSPEC_UNROLL for (unsigned k_0 = 0; k_0 < tile; k_0 += inner) add_warp_product(
        lane, [&](unsigned i, unsigned k) { return i < width ? y[i * row_step + k_0 + k] : 0; },
        [&](unsigned k, unsigned j) { return v[(l_0 + j) * row_step + k_0 + k]; }, c);
    ATTNSPEC_UNROLL for (unsigned e = 0; e < 4; ++e) {
      const unsigned row = lane / 4 + e / 2 * 8;
      if (row < width) to[row * width + l_0 + 2 * (lane % 4) + e % 2] = c[e];
    }
  }
};

}  // namespace attnspec::gpu_kernels
