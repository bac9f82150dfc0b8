// The Gram matrix of the smaller side of P, half of it, and what is seen of P on the way.
//
// P is packed slab by slab, from the numbers that it is stored in, so that both factors of the product are read from
// one place. Columns of P that begin with zeros, as those of a causal P do, cost nothing where they are zero: how long
// is found while packing, never assumed.
#pragma once

#include <algorithm>
#include <vector>

#include "lib/backend/lanes/direct32.hpp"
#include "lib/backend/lanes/symmetric_tiles.hpp"

namespace attnspec::ATTNSPEC_LANES {

class GramProduct {
 public:
  /// Of matrices of `rows` rows of `cols` entries.
  GramProduct(int rows, int cols)
      : rows_(rows),
        cols_(cols),
        side_((std::min(rows, cols) + tile - 1) / tile),
        packed_(static_cast<std::size_t>(side_) * stride),
        begins_(static_cast<std::size_t>(side_)) {}

  int side() const { return side_; }

  /// P'P, or P P' where P is wide, into g, whose side is `side()` or more: tiles beyond are left as they are. The
  /// answer is |P|_F^2, added up by itself.
  double run(const EntriesAt& entries, SymmetricTiles& g) {
    return entries.halves != nullptr ? run(entries.halves, g) : run(entries.doubles, g);
  }

 private:
  static constexpr int slab = 128;  // steps of the sum; four panels fit the first cache
  static constexpr std::size_t stride = static_cast<std::size_t>(slab) | 1;  // even ones fall on the same cache lines
  static constexpr int block = 3;                                            // tiles whose columns fill the registers
  static constexpr int cache_line = 64, ahead = 8192;  // bytes; memory is fetched over the ends of pages, too

  template <class Entry>
  double run(const Entry* entries, SymmetricTiles& g) {
    const int depth = std::max(rows_, cols_);
    squares_ = Doubles{};
    reach_ = 0;
    std::fill(begins_.begin(), begins_.end(), depth);
    for (int first = 0; first < depth; first += slab) {
      const int count = std::min(slab, depth - first);
      if (cols_ <= rows_)
        pack_rows(entries, first, count);
      else
        pack_columns(entries, first, count);
      multiply(first, count, first + count == depth, g);
    }
    const SumTables& k = SumTables::made();
    return lane(k.sum(squares_), 0);
  }

  Doubles* panel(int k) { return packed_.get() + static_cast<std::size_t>(k) * stride; }

  /// Step s of the sum is row first + s.
  template <class Entry>
  void pack_rows(const Entry* entries, int first, int count) {
    constexpr int tiles_a_line = cache_line / (tile * static_cast<int>(sizeof(Entry)));
    for (int s = 0; s < count; ++s) {
      const Entry* row = entries + static_cast<std::ptrdiff_t>(first + s) * cols_;
      extend_reach(row, first, s);
      const int reach = reach_;
      Doubles squares = squares_;
      for (int k = 0; k < reach; ++k) {
        if (k % tiles_a_line == 0) __builtin_prefetch(row + k * tile + ahead / sizeof(Entry));
        const Doubles x = vector_at(row + k * tile, cols_ - k * tile);
        squares += x * x;
        panel(k)[s] = x;
      }
      squares_ = squares;
    }
    // What a block reads of tiles that have not begun.
    for (int k = reach_; k < std::min(reach_ + block - 1, side_); ++k) std::fill_n(panel(k), count, Doubles{});
  }

  /// Step s of the sum is column first + s.
  template <class Entry>
  void pack_columns(const Entry* entries, int first, int count) {
    reach_ = side_;
    std::fill(begins_.begin(), begins_.end(), 0);
    for (int k = 0; k < side_; ++k) {
      Doubles* to = panel(k);
      const int height = std::min(tile, rows_ - k * tile);
      for (int s = 0; s < count; ++s) {
        Entry column[tile] = {};
        for (int i = 0; i < height; ++i)
          column[i] = entries[static_cast<std::ptrdiff_t>(k * tile + i) * cols_ + first + s];
        const Doubles x = doubles_at(column);
        squares_ += x * x;
        to[s] = x;
      }
    }
  }

  /// Notes which columns begin at this row: those up to the last entry that is not zero.
  template <class Entry>
  void extend_reach(const Entry* row, int first, int s) {
    const auto are_zero = [&](int k, int end) {
      return all_zero(row + k * tile, static_cast<std::size_t>(std::min(end * tile, cols_) - k * tile) * sizeof(Entry));
    };
    if (reach_ == side_ || are_zero(reach_, side_)) return;
    int end = side_;
    while (are_zero(end - 1, end)) --end;
    for (; reach_ < end; ++reach_) {
      begins_[static_cast<std::size_t>(reach_)] = first + s;
      std::fill_n(panel(reach_), s, Doubles{});
    }
  }

  /// One vector over another; the last one overlaps the one before.
  static bool all_zero(const void* from, std::size_t bytes) {
    DoubleMask all{}, x{};
    if (bytes < sizeof x) {
      std::memcpy(&all, from, bytes);
    } else {
      for (std::size_t i = 0; i < bytes; i += sizeof x) {
        std::memcpy(&x, static_cast<const char*>(from) + std::min(i, bytes - sizeof x), sizeof x);
        all |= x;
      }
    }
    std::int64_t any = 0;
    ATTNSPEC_UNROLL for (int i = 0; i < tile; ++i) any |= all[i];
    return any == 0;
  }

  static Doubles doubles_at(const double* from) {
    Doubles x;
    std::memcpy(&x, from, sizeof x);
    return x;
  }
  static Doubles doubles_at(const std::uint16_t* from) { return doubles_of_halves(from); }

  template <class Entry>
  static Doubles vector_at(const Entry* from, int left) {
    if (left >= tile) return doubles_at(from);
    Entry some[tile] = {};
    for (int i = 0; i < left; ++i) some[i] = from[i];
    return doubles_at(some);
  }

  void multiply(int first, int count, bool last, SymmetricTiles& g) {
    for (int i = 0, height = 0; i < side_; i += height) {
      height = side_ - i == block + 1 ? 2 : std::min(block, side_ - i);  // 2 and 2 rather than 3 and 1
      for (int k = 0; k < i + height; ++k) {
        const int top = std::max(i, k), begin = begins_[static_cast<std::size_t>(top)];
        if (begin >= first + count && !last) continue;
        const Steps steps{std::clamp(begin - first, 0, count), count, begin >= first};
        switch (i + height - top) {
          case 1: product<1>(steps, g.at(top, k), top, k); break;
          case 2: product<2>(steps, g.at(top, k), top, k); break;
          default: product<3>(steps, g.at(top, k), top, k);
        }
      }
    }
  }

  /// Of a slab; `fresh`: nothing has been added up before.
  struct Steps {
    int begin, end;
    bool fresh;
  };

  template <int height>
  void product(const Steps& steps, Doubles* to, int row, int column) {
    Doubles sum[height][tile];
    ATTNSPEC_UNROLL for (int r = 0; r < height; ++r) ATTNSPEC_UNROLL for (int c = 0; c < tile; ++c) sum[r][c] =
        steps.fresh ? Doubles{} : to[r * tile + c];
    const Doubles* left = panel(row);
    const auto* right = reinterpret_cast<const double*>(panel(column));
    for (int s = steps.begin; s < steps.end; ++s) {
      Doubles x[height];
      ATTNSPEC_UNROLL for (int r = 0; r < height; ++r) {
        x[r] = left[static_cast<std::size_t>(r) * stride + static_cast<std::size_t>(s)];
        keep(x[r]);
      }
      ATTNSPEC_UNROLL for (int c = 0; c < tile; ++c) {
        Doubles y = all(right[s * tile + c]);
        keep(y);
        ATTNSPEC_UNROLL for (int r = 0; r < height; ++r) sum[r][c] += x[r] * y;
      }
    }
    ATTNSPEC_UNROLL for (int r = 0; r < height; ++r) ATTNSPEC_UNROLL for (int c = 0; c < tile; ++c) to[r * tile + c] =
        sum[r][c];
  }

  const int rows_, cols_, side_;  ///< side in tiles
  VectorBlock<Doubles> packed_;   ///< tile by tile, a vector for every step of the sum
  std::vector<int> begins_;       ///< of a column of tiles: the first step where it is not zero
  int reach_ = 0;                 ///< columns of tiles that have begun
  Doubles squares_;
};

}  // namespace attnspec::ATTNSPEC_LANES
