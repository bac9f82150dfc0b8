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
template <unsigned width>
struct PanelSweep {
  GpuPanel job;

  static constexpr unsigned threads = 256, tile = static_cast<unsigned>(sweep_tile());
  static constexpr unsigned side_by_side = 2;  ///< one waits for memory while the other multiplies
  std::size_t blocks() const { return job.count * job.strips(); }
  static constexpr std::size_t memory_numbers() { return (tile + 6 * width) * tile_step; }

  template <class Block>
  ATTNSPEC_KERNEL void operator()(Block& block, std::size_t index, double* memory) const {
    const std::size_t matrix = index / job.strips(), rows = matrix * job.rows_step();
    const auto first = static_cast<unsigned>(job.first_strip()), end = static_cast<unsigned>(job.all_strips()),
               strip = first + static_cast<unsigned>(index % job.strips());
    double *square = memory, *mine = square + tile * tile_step, *others = mine + 2 * width * tile_step,
           *other_v = others + 2 * width * tile_step, *sums = other_v + width * tile_step;
    const bool has_last = job.last_v != nullptr;
    const auto phase = [&](const auto& work) {
      block.each([&](std::size_t thread) { work(static_cast<unsigned>(thread)); });
    };
    phase([&](unsigned thread) {
      Share v, x;
      if (has_last) {
        v.read(*this, thread, job.last_v + rows, first_row() - width, strip);
        x.read(*this, thread, job.last_x + rows, first_row() - width, strip);
        v.write(thread, mine);
        x.write(thread, mine + width * tile_step);
      }
      for (unsigned at = thread; at < width * tile_step; at += threads) sums[at] = 0;
    });
    for (unsigned other = first; other < end; ++other) {
      phase([&](unsigned thread) {
        Share v, x, next;
        next.read(*this, thread, job.v + rows, first_row(), other);
        if (has_last) {
          v.read(*this, thread, job.last_v + rows, first_row() - width, other);
          x.read(*this, thread, job.last_x + rows, first_row() - width, other);
          v.write(thread, others);
          x.write(thread, others + width * tile_step);
        }
        next.write(thread, other_v);
      });
      const bool below = strip >= other;
      phase([&](unsigned thread) {
        find_tile(thread, matrix, below ? strip : other, below ? other : strip, below ? mine : others,
                  below ? others : mine, below, square);
      });
      phase([&](unsigned thread) {
        add_product(thread, square, below ? tile_step : 1, below ? 1 : tile_step, other_v, sums);
      });
    }
    phase([&](unsigned thread) {
      Share v;
      v.read(*this, thread, job.v + rows, first_row(), strip);
      v.write(thread, other_v);
      for (unsigned at = thread; at < width * tile; at += threads) {
        const unsigned l = at / tile, row = strip * tile + at % tile;
        if (is_left(row)) job.y[rows + l * n() + row - first_row()] = sums[l * tile_step + at % tile];
      }
    });
    phase([&](unsigned thread) {
      find_part_of_s(thread, sums, other_v, job.s + (matrix * end + strip - first) * width * width);
    });
  }

 private:
  /// Between rows of what lies in a block's memory: four threads side by side and four below each find as many banks.
  static constexpr unsigned tile_step = tile + 4;
  static constexpr unsigned warp_rows = 16, warp_cols = 32, warps_down = tile / warp_rows;  // of a tile
  static constexpr unsigned inner = 16;                                                     // of a warp's product
  static_assert(warps_down * (tile / warp_cols) * 32 == threads);

  ATTNSPEC_KERNEL unsigned n() const { return static_cast<unsigned>(job.n); }
  ATTNSPEC_KERNEL unsigned first_row() const { return static_cast<unsigned>(job.column) + width; }
  ATTNSPEC_KERNEL bool is_left(unsigned row) const { return row >= first_row() && row < n(); }

  /// What a thread fetches of a strip's numbers in rows of n: all of it is on its way before any of it is waited for.
  struct Share {
    static constexpr unsigned rows_apart = threads / tile;
    double numbers[width / rows_apart];

    /// The first number of each row is that of row `origin` of the matrix; zeros where nothing is left.
    ATTNSPEC_KERNEL void read(const PanelSweep& sweep, unsigned thread, const double* from, unsigned origin,
                              unsigned strip) {
      const unsigned row = strip * tile + thread % tile, first = sweep.first_row();
      const bool is_left = sweep.is_left(row);
      from += thread / tile * sweep.n() + (is_left ? row : first) - origin;
      ATTNSPEC_UNROLL for (unsigned q = 0; q < width / rows_apart; ++q) numbers[q] = from[q * rows_apart * sweep.n()];
      ATTNSPEC_UNROLL for (unsigned q = 0; q < width / rows_apart; ++q) numbers[q] = is_left ? numbers[q] : 0;
    }
    ATTNSPEC_KERNEL void write(unsigned thread, double* to) const {
      to += thread / tile * tile_step + thread % tile;
      ATTNSPEC_UNROLL for (unsigned q = 0; q < width / rows_apart; ++q) to[q * rows_apart * tile_step] = numbers[q];
    }
  };

  /// A warp's part of what is left of a tile of the lower half; `to_keep`: for the next step too.
  ATTNSPEC_KERNEL void find_tile(unsigned thread, std::size_t matrix, unsigned row_strip, unsigned col_strip,
                                 const double* of_rows, const double* of_cols, bool to_keep, double* square) const {
    const unsigned lane = thread % 32, warp = thread / 32, i_0 = warp % warps_down * warp_rows,
                   j_0 = warp / warps_down * warp_cols;
    const std::size_t start = matrix * job.n * job.n;
    double numbers[warp_cols / 8][4], products[warp_cols / 8][4] = {};
    const auto each_pair = [&](const auto& work) {
      ATTNSPEC_UNROLL for (unsigned b = 0; b < warp_cols / 8; ++b)
          ATTNSPEC_UNROLL for (unsigned half = 0; half < 2; ++half) {
        const unsigned i = i_0 + lane / 4 + 8 * half, j = j_0 + 8 * b + 2 * (lane % 4), row = row_strip * tile + i,
                       col = col_strip * tile + j;
        work(i, j, row * n() + col, is_left(row) && is_left(col), is_left(row) && is_left(col + 1),
             numbers[b] + 2 * half, products[b] + 2 * half);
      }
    };
    const double* from = job.matrices + start;
    const bool in_pairs = job.n % 2 == 0;  // both of a pair are left then, or none
    if (in_pairs)
      each_pair([&](unsigned, unsigned, unsigned place, bool one, bool, double* pair, double*) {
        double two[2] = {};
        if (one) load(from + place, two);
        pair[0] = two[0];
        pair[1] = two[1];
      });
    else
      each_pair([&](unsigned, unsigned, unsigned place, bool one, bool other, double* pair, double*) {
        pair[0] = one ? from[place] : 0;
        pair[1] = other ? from[place + 1] : 0;
      });
    if (job.last_v != nullptr)
      ATTNSPEC_UNROLL for (unsigned k_0 = 0; k_0 < 2 * width; k_0 += inner)
          ATTNSPEC_UNROLL for (unsigned b = 0; b < warp_cols / 8; ++b) add_warp_product(
              lane, [&](unsigned i, unsigned k) { return of_rows[(k_0 + k) * tile_step + i_0 + i]; },
              [&](unsigned k, unsigned j) {  // X for V and V for X
                return of_cols[(k_0 + k + width) % (2 * width) * tile_step + j_0 + 8 * b + j];
              },
              products[b]);
    each_pair([&](unsigned i, unsigned j, unsigned, bool, bool, double* pair, double* product) {
      ATTNSPEC_UNROLL for (unsigned e = 0; e < 2; ++e) pair[e] -= product[e];
      store(pair, square + i * tile_step + j);
    });
    if (!to_keep || job.last_v == nullptr) return;
    double* left = job.left + start;
    if (in_pairs)
      each_pair([&](unsigned, unsigned, unsigned place, bool one, bool, double* pair, double*) {
        if (one) store(pair, left + place);
      });
    else
      each_pair([&](unsigned, unsigned, unsigned place, bool one, bool other, double* pair, double*) {
        if (one) left[place] = pair[0];
        if (other) left[place + 1] = pair[1];
      });
  }

  /// A warp's part of sums += V^T of a tile, whose entries lie `down` numbers below and `right` beside one another.
  ATTNSPEC_KERNEL static void add_product(unsigned thread, const double* square, unsigned down, unsigned right,
                                          const double* other_v, double* sums) {
    const unsigned lane = thread % 32, warp = thread / 32, i_0 = warp % warps_down * warp_rows,
                   l_0 = warp / warps_down * 8;
    if (l_0 >= width) return;
    double c[4];
    double* mine = sums + (l_0 + 2 * (lane % 4)) * tile_step + i_0 + lane / 4;
    ATTNSPEC_UNROLL for (unsigned e = 0; e < 4; ++e) c[e] = mine[e % 2 * tile_step + e / 2 * 8];
    ATTNSPEC_UNROLL for (unsigned k_0 = 0; k_0 < tile; k_0 += inner) add_warp_product(
        lane, [&](unsigned i, unsigned k) { return square[(i_0 + i) * down + (k_0 + k) * right]; },
        [&](unsigned k, unsigned j) { return other_v[(l_0 + j) * tile_step + k_0 + k]; }, c);
    ATTNSPEC_UNROLL for (unsigned e = 0; e < 4; ++e) mine[e % 2 * tile_step + e / 2 * 8] = c[e];
  }

  /// Y^T V of a strip.
  ATTNSPEC_KERNEL static void find_part_of_s(unsigned thread, const double* sums, const double* v, double* to) {
    const unsigned lane = thread % 32, l_0 = thread / 32 * 8;
    if (l_0 >= width) return;
    double c[4] = {};
    ATTNSPEC_UNROLL for (unsigned k_0 = 0; k_0 < tile; k_0 += inner) add_warp_product(
        lane, [&](unsigned i, unsigned k) { return i < width ? sums[i * tile_step + k_0 + k] : 0; },
        [&](unsigned k, unsigned j) { return v[(l_0 + j) * tile_step + k_0 + k]; }, c);
    ATTNSPEC_UNROLL for (unsigned e = 0; e < 4; ++e) {
      const unsigned row = lane / 4 + e / 2 * 8;
      if (row < width) to[row * width + l_0 + 2 * (lane % 4) + e % 2] = c[e];
    }
  }
};

}  // namespace attnspec::gpu_kernels
