// The work of the reduction of a symmetric matrix: one walk over its half that applies A - V W' - W V' and finds A U of
// what comes out, tile by tile in registers.
#pragma once

#include <algorithm>

#include "lib/backend/lanes/symmetric_tiles.hpp"

namespace attnspec::ATTNSPEC_LANES {

/// V, W and U have b columns, kept row tile by row tile: V and W side by side, 2 b vectors a tile of rows.
template <int b>
class SymmetricSweep {
  static constexpr bool wide = tile == 8;
  // Tiles at once: with the columns of a tile they fill the registers, 32 with 64 bytes, else 16.
  static constexpr int block = wide || tile == 4 ? 3 : 4;
  static constexpr int group = 4;  // columns of tiles that share what is read of V, W and U

 public:
  SymmetricSweep() : sums_(static_cast<std::size_t>(group) * tile * b) {}

  /// `height` row tiles from `row` on of some columns of A - V W' - W V': b of them, or a tile's where that is less,
  /// from column `from` of tile column `column`.
  template <int height>
  static void update(const Doubles* a, const Doubles* vw, int row, int column, int from, Doubles* to) {
    constexpr int count = std::min(b, tile);
    const Doubles* left = vw + row * 2 * b;
    const auto* right = reinterpret_cast<const double*>(vw + column * 2 * b) + from;
    Doubles x[height][count];
    ATTNSPEC_UNROLL for (int r = 0; r < height; ++r) ATTNSPEC_UNROLL for (int c = 0; c < count; ++c) x[r][c] =
        a[r * tile + from + c];
    for (int l = 0; l < 2 * b; ++l) {
      Doubles y[height];
      ATTNSPEC_UNROLL for (int r = 0; r < height; ++r) {
        y[r] = left[r * 2 * b + l];
        keep(y[r]);
      }
      const double* factors = right + (l < b ? l + b : l - b) * tile;
      ATTNSPEC_UNROLL for (int c = 0; c < count; ++c) {
        Doubles f = all(factors[c]);
        keep(f);
        ATTNSPEC_UNROLL for (int r = 0; r < height; ++r) x[r][c] -= y[r] * f;
      }
    }
    ATTNSPEC_UNROLL for (int r = 0; r < height; ++r) ATTNSPEC_UNROLL for (int c = 0; c < count; ++c) to[r * b + c] =
        x[r][c];
  }

  /// From tile column `start` on: a -= V W' + W V' and au = a U, both vectors of zeros where U has none.
  void run(int start, SymmetricTiles& a, const Doubles* vw, const Doubles* u, Doubles* au) {
    const int side = a.side();
    std::fill(au + start * b, au + side * b, Doubles{});
    for (int first = start; first < side; first += group) {
      const int end = std::min(first + group, side);
      const auto take = [&](int row, int column, int height) {
        const Place place{vw + row * 2 * b, reinterpret_cast<const double*>(vw + column * 2 * b),
                          u + row * b,      reinterpret_cast<const double*>(u + column * b),
                          au + row * b,     sums_.get() + (column - first) * tile * b};
        Doubles* at = a.at(row, column);
        if (row == column)
          by_height<Part::diagonal>(height, at, place);
        else
          by_height<Part::below>(height, at, place);
      };
      for (int k = first; k < end; ++k) {
        const int height = end - k > block ? 2 : end - k;
        take(k, k, height);
        if (k + height < end) take(k + height, k, end - k - height);
      }
      for (int i = end, height = 0; i < side; i += height) {
        height = side - i == block + 1 && block > 2 ? 2 : std::min(block, side - i);
        for (int k = first; k < end; ++k) take(i, k, height);
      }
      for (int k = first; k < std::min(end, side - 1); ++k)
        for (int q = 0; q < b; ++q) au[k * b + q] += SumTables::made().sums(sums_.get() + ((k - first) * b + q) * tile);
    }
  }

 private:
  struct Place {
    const Doubles* left;    ///< V and W of the rows
    const double* right;    ///< and of the columns
    const Doubles* rows;    ///< U of the rows
    const double* columns;  ///< and of the columns
    Doubles *to, *sums;     ///< A U of the rows; of the columns, still to be summed over lanes
  };

  /// Tiles below the diagonal stand for their mirror images, too. Those that begin on it begin the sums of their
  /// column.
  enum class Part { diagonal, below };

  template <Part part>
  static void by_height(int height, Doubles* a, const Place& place) {
    switch (height) {
      case 1: return tiles<1, part>(a, place);
      case 2: return tiles<2, part>(a, place);
      case 3: return tiles<3, part>(a, place);
      default: return tiles<block, part>(a, place);
    }
  }

  /// `height` tiles below one another. Its first loop is that of update() once more: shared, it costs 7 to 10 % of all
  /// from n = 512 on.
  template <int height, Part part>
  static void tiles(Doubles* a, const Place& place) {
    constexpr int chains = height == 1 ? 2 : 1;               // one tile alone would wait for its own sums
    constexpr int mirrored = part == Part::diagonal ? 1 : 0;  // the first that is
    Doubles x[height][tile];
    ATTNSPEC_UNROLL for (int r = 0; r < height; ++r) ATTNSPEC_UNROLL for (int c = 0; c < tile; ++c) x[r][c] =
        a[r * tile + c];
    for (int l = 0; l < 2 * b; ++l) {
      Doubles y[height];
      ATTNSPEC_UNROLL for (int r = 0; r < height; ++r) {
        y[r] = place.left[r * 2 * b + l];
        keep(y[r]);
      }
      const double* factors = place.right + (l < b ? l + b : l - b) * tile;
      ATTNSPEC_UNROLL for (int c = 0; c < tile; ++c) {
        Doubles f = all(factors[c]);
        keep(f);
        ATTNSPEC_UNROLL for (int r = 0; r < height; ++r) x[r][c] -= y[r] * f;
      }
    }
    ATTNSPEC_UNROLL for (int r = 0; r < height; ++r) ATTNSPEC_UNROLL for (int c = 0; c < tile; ++c) a[r * tile + c] =
        x[r][c];
    for (int q = 0; q < b; ++q) {
      Doubles product[chains][height];
      ATTNSPEC_UNROLL for (int r = 0; r < height; ++r) {
        product[chains - 1][r] = Doubles{};
        product[0][r] = place.to[r * b + q];
      }
      ATTNSPEC_UNROLL for (int c = 0; c < tile; ++c) {
        Doubles f = all(place.columns[q * tile + c]);
        keep(f);
        ATTNSPEC_UNROLL for (int r = 0; r < height; ++r) product[c % chains][r] += x[r][c] * f;
      }
      ATTNSPEC_UNROLL for (int r = 0; r < height; ++r) place.to[r * b + q] =
          chains == 2 ? product[0][r] + product[chains - 1][r] : product[0][r];
      Doubles y[height];
      ATTNSPEC_UNROLL for (int r = mirrored; r < height; ++r) {
        y[r] = place.rows[r * b + q];
        keep(y[r]);
      }
      ATTNSPEC_UNROLL for (int c = 0; c < tile; ++c) {
        Doubles sum = part == Part::diagonal ? Doubles{} : place.sums[q * tile + c];
        ATTNSPEC_UNROLL for (int r = mirrored; r < height; ++r) sum += x[r][c] * y[r];
        place.sums[q * tile + c] = sum;
      }
    }
  }

  VectorBlock<Doubles> sums_;
};

}  // namespace attnspec::ATTNSPEC_LANES
