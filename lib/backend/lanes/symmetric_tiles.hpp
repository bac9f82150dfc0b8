// Half of a symmetric matrix in square tiles as wide as a vector, a column of tiles after the other; sums over the
// lanes of vectors that belong to one matrix.
#pragma once

#include "lib/backend/lanes/vector.hpp"

namespace attnspec::ATTNSPEC_LANES {

/// Rows and columns of a tile.
constexpr int tile = static_cast<int>(double_lanes);

/// Tiles (i, k) with i >= k. A tile is `tile` vectors, a column each; tiles on the diagonal are stored whole.
class SymmetricTiles {
 public:
  explicit SymmetricTiles(int side)
      : side_(static_cast<std::size_t>(side)), block_(side_ * (side_ + 1) / 2 * static_cast<std::size_t>(tile)) {}

  int side() const { return static_cast<int>(side_); }
  Doubles* at(int row, int column) {
    const auto i = static_cast<std::size_t>(row), k = static_cast<std::size_t>(column);
    return block_.get() + (k * (2 * side_ - k + 1) / 2 + i - k) * static_cast<std::size_t>(tile);
  }
  Doubles* begin() { return block_.get(); }
  std::size_t size() const { return block_.size(); }

 private:
  std::size_t side_;  ///< in tiles
  VectorBlock<Doubles> block_;
};

inline double lane(const Doubles& x, int index) { return reinterpret_cast<const double*>(&x)[index]; }

/// Lane indices for sums.
struct SumTables {
  static constexpr int levels = tile == 8 ? 3 : tile == 4 ? 2 : 1;
  DoubleMask around[levels], low[levels], high[levels], count;

  SumTables() {
    for (int lane = 0; lane < tile; ++lane) {
      count[lane] = lane;
      for (int level = 0, half = tile / 2; half >= 1; half /= 2, ++level) {
        around[level][lane] = (lane + half) % tile;
        // The lower (upper) half of each block of 2 half lanes, of the first vector and then of the second.
        const int within = lane % (tile / 2), source = within / half * 2 * half + within % half;
        low[level][lane] = (lane < tile / 2 ? 0 : tile) + source;
        high[level][lane] = (lane < tile / 2 ? 0 : tile) + source + half;
      }
    }
  }
  static const SumTables& made() {
    static const SumTables tables;
    return tables;
  }

  /// The sum over the lanes, in all of them.
  Doubles sum(Doubles x) const {
    ATTNSPEC_UNROLL for (int level = 0; level < levels; ++level) x += __builtin_shuffle(x, around[level]);
    return x;
  }
  /// The sum of x[c] in lane c.
  Doubles sums(const Doubles* x) const {
    Doubles y[tile];
    ATTNSPEC_UNROLL for (int c = 0; c < tile; ++c) y[c] = x[c];
    ATTNSPEC_UNROLL for (int level = 0; level < levels; ++level)
        ATTNSPEC_UNROLL for (int pair = 0; pair < tile >> (level + 1); ++pair) {
      const Doubles one = y[2 * pair], other = y[2 * pair + 1];
      y[pair] = __builtin_shuffle(one, other, low[level]) + __builtin_shuffle(one, other, high[level]);
    }
    return y[0];
  }
};

}  // namespace attnspec::ATTNSPEC_LANES
