// Householder QR of b columns of one matrix, kept row tile by row tile: the b vectors of a tile of rows side by side.
#pragma once

#include "lib/backend/lanes/symmetric_tiles.hpp"

namespace attnspec::ATTNSPEC_LANES {

template <int b>
class SymmetricPanel {
 public:
  /// Where the reflectors lie: vector j of row tile i at v[i * 2 b + j].
  static constexpr int step = 2 * b;

  /// QR of rows [top, tile * side) of the b columns p (vector j of row tile i at p[i * b + j]): R in p, zeros below it
  /// not written; reflectors in v, with zeros above their unit diagonal, from row tile top / tile on; u = v T, so that
  /// the product of the reflectors is 1 - u v'. Rows of p above top in its first tile are lost.
  static void factor(int top, int side, Doubles* p, Doubles* v, Doubles* u) {
    const int start = top / tile;
    const DoubleMask below_top = SumTables::made().count >= DoubleMask{} + top % tile;
    ATTNSPEC_UNROLL for (int j = 0; j < b; ++j) p[start * b + j] = where(below_top, p[start * b + j]);
    Doubles t[b][b];
    reflect<0>(top, side, p, v, t);
    for (int i = start; i < side; ++i) {
      Doubles row[b];
      ATTNSPEC_UNROLL for (int j = 0; j < b; ++j) row[j] = v[i * step + j];
      ATTNSPEC_UNROLL for (int j = 0; j < b; ++j) {
        Doubles sum = row[0] * t[0][j];
        ATTNSPEC_UNROLL for (int l = 1; l <= j; ++l) sum += row[l] * t[l][j];
        u[i * b + j] = sum;
      }
    }
  }

 private:
  /// Squared tails below this are zero; matrices are scaled so that their trace is at least 1.
  static constexpr double smallest_tail = 1e-56;

  /// One pass finds the norm and every dot product, before the scale of the reflector is known; a second one scales it
  /// and updates the later columns.
  template <int j>
  static void reflect(int top, int side, Doubles* p, Doubles* v, Doubles (*t)[b]) {
    const SumTables& k = SumTables::made();
    const int start = top / tile, pivot = (top + j) / tile, row = (top + j) % tile;
    const DoubleMask above = k.count > DoubleMask{} + row, at = k.count == DoubleMask{} + row;
    Doubles dots[b];
    {
      const Doubles f = where(above, p[pivot * b + j]);
      ATTNSPEC_UNROLL for (int z = 0; z < b; ++z) dots[z] = f * (z < j ? v[pivot * step + z] : p[pivot * b + z]);
      dots[j] = f * f;
    }
    for (int i = pivot + 1; i < side; ++i) {
      Doubles f = p[i * b + j];
      keep(f);
      ATTNSPEC_UNROLL for (int z = 0; z < b; ++z) dots[z] += f * (z < j ? v[i * step + z] : p[i * b + z]);
    }
    ATTNSPEC_UNROLL for (int z = 0; z < b; ++z) dots[z] = k.sum(dots[z]);
    const Doubles tail = dots[j], head = all(lane(p[pivot * b + j], row));
    const DoubleMask on = tail > all(smallest_tail);
    Doubles beta = root(head * head + tail);
    beta = head > Doubles{} ? -beta : beta;
    const Doubles scale = where(on, 1.0 / (head - beta)), tau = where(on, (beta - head) / beta);
    beta = on ? beta : head;
    ATTNSPEC_UNROLL for (int z = 0; z < b; ++z) if (z != j) dots[z] =
        (all(lane(z < j ? v[pivot * step + z] : p[pivot * b + z], row)) + scale * dots[z]) * tau;
    for (int i = start; i < pivot; ++i) v[i * step + j] = Doubles{};
    {
      const Doubles x = p[pivot * b + j], f = where(above, x) * scale + where(at, all(1.0));
      v[pivot * step + j] = f;
      p[pivot * b + j] = at ? beta : x;
      ATTNSPEC_UNROLL for (int z = j + 1; z < b; ++z) p[pivot * b + z] -= f * dots[z];
    }
    for (int i = pivot + 1; i < side; ++i) {
      const Doubles f = p[i * b + j] * scale;
      v[i * step + j] = f;
      ATTNSPEC_UNROLL for (int z = j + 1; z < b; ++z) p[i * b + z] -= f * dots[z];
    }
    ATTNSPEC_UNROLL for (int z = 0; z < j; ++z) {
      Doubles sum{};
      ATTNSPEC_UNROLL for (int l = z; l < j; ++l) sum += t[z][l] * dots[l];
      t[z][j] = -sum;
    }
    t[j][j] = tau;
    if constexpr (j + 1 < b) reflect<j + 1>(top, side, p, v, t);
  }
};

}  // namespace attnspec::ATTNSPEC_LANES
