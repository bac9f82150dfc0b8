// Symmetric to band with b subdiagonals, one matrix at a time, in double precision.
//
// A step takes b columns: Q from a QR panel of what lies below the band, then Q'A Q = A - V W' - W V' with
// W = A U - V (U'A U) / 2 and Q = 1 - U V'. The update waits for the next step's walk, which finds its A U too: A is
// read and written once for b columns. Blocked two-sided reduction: Bischof, Lang and Sun 2000, ACM TOMS 26, 581 to
// 601.
#pragma once

#include <algorithm>
#include <type_traits>

#include "lib/backend/lanes/symmetric_panel.hpp"
#include "lib/backend/lanes/symmetric_sweep.hpp"

namespace attnspec::ATTNSPEC_LANES {

template <int b>
class SymmetricToBand {
  using Panel = SymmetricPanel<b>;
  using Sweep = SymmetricSweep<b>;

 public:
  /// `side` in tiles; a multiple of b rows.
  explicit SymmetricToBand(int side)
      : side_(side),
        vw_{VectorBlock<Doubles>(2 * b * static_cast<std::size_t>(side)),
            VectorBlock<Doubles>(2 * b * static_cast<std::size_t>(side))},
        panel_(b * static_cast<std::size_t>(side)),
        u_(b * static_cast<std::size_t>(side)),
        au_(b * static_cast<std::size_t>(side)) {}

  /// put(row, column, entry): entry (row, column) of the band, row >= column. a is lost.
  template <class Put>
  void run(SymmetricTiles& a, Put put) {
    vw_[1].clear();
    int turn = 0;
    for (int first = 0;; first += b, turn ^= 1) {
      Doubles *pending = vw_[turn ^ 1].get(), *v = vw_[turn].get(), *p = panel_.get();
      const int top = first + b, start = top / tile;
      bring_up_to_date(first, a, pending);
      for (int j = 0; j < b; ++j)
        for (int i = j; i < b; ++i) put(first + i, first + j, at(first + i, j));
      if (top >= side_ * tile) return;
      Panel::factor(top, side_, p, v, u_.get());
      for (int j = 0; j < b; ++j)
        for (int i = 0; i <= j; ++i) put(top + i, first + j, at(top + i, j));
      sweep_.run(start, a, pending, u_.get(), au_.get());
      find_w(start, top % tile, v);
    }
  }

 private:
  double at(int row, int j) { return lane(panel_.get()[row / tile * b + j], row % tile); }

  /// The b columns from `first` on, into the panel.
  void bring_up_to_date(int first, SymmetricTiles& a, const Doubles* pending) {
    for (int j = 0; j < b; j += tile) {
      const int column = (first + j) / tile;
      const auto update = [&](auto height, int i) {
        Sweep::template update<height>(a.at(i, column), pending, i, column, (first + j) % tile,
                                       panel_.get() + i * b + j);
      };
      int i = column;
      for (; i + 1 < side_; i += 2) update(std::integral_constant<int, 2>{}, i);
      if (i < side_) update(std::integral_constant<int, 1>{}, i);
    }
  }

  /// W = A U - V (U'A U) / 2 beside V. Its rows above the trailing matrix are zero.
  void find_w(int start, int above, Doubles* v) {
    Doubles *au = au_.get(), *u = u_.get();
    const SumTables& k = SumTables::made();
    const DoubleMask live = k.count >= DoubleMask{} + above;
    for (int q = 0; q < b; ++q) au[start * b + q] = where(live, au[start * b + q]);
    Doubles half[b][b];
    for (int j = 0; j < b; j += 4)
      for (int l = 0; l < b; l += 4) {
        Doubles sum[4][4];
        ATTNSPEC_UNROLL for (int q = 0; q < 4; ++q) ATTNSPEC_UNROLL for (int z = 0; z < 4; ++z) sum[q][z] = Doubles{};
        for (int i = start; i < side_; ++i) {
          Doubles x[4];
          ATTNSPEC_UNROLL for (int z = 0; z < 4; ++z) x[z] = au[i * b + l + z];
          ATTNSPEC_UNROLL for (int q = 0; q < 4; ++q) {
            Doubles f = u[i * b + j + q];
            keep(f);
            ATTNSPEC_UNROLL for (int z = 0; z < 4; ++z) sum[q][z] += f * x[z];
          }
        }
        ATTNSPEC_UNROLL for (int q = 0; q < 4; ++q) ATTNSPEC_UNROLL for (int z = 0; z < 4; ++z) half[j + q][l + z] =
            k.sum(sum[q][z]) * 0.5;
      }
    for (int i = start; i < side_; ++i) {
      Doubles* row = v + i * 2 * b;
      for (int l = 0; l < b; l += 4) {
        Doubles sum[4];
        ATTNSPEC_UNROLL for (int z = 0; z < 4; ++z) sum[z] = au[i * b + l + z];
        ATTNSPEC_UNROLL for (int j = 0; j < b; ++j) {
          ATTNSPEC_UNROLL for (int z = 0; z < 4; ++z) sum[z] -= row[j] * half[j][l + z];
        }
        ATTNSPEC_UNROLL for (int z = 0; z < 4; ++z) row[b + l + z] = sum[z];
      }
    }
  }

  const int side_;
  Sweep sweep_;
  VectorBlock<Doubles> vw_[2];  ///< of this step and the one before
  VectorBlock<Doubles> panel_, u_, au_;
};

}  // namespace attnspec::ATTNSPEC_LANES
