// Householder QR of b columns of several matrices, and the triangle that makes one product of the b reflectors.
#pragma once

#include "lib/backend/lanes/row_lanes.hpp"

namespace attnspec::ATTNSPEC_LANES {

/// Squared tails below this are zero: their squares are near the end of single precision. Matrices are scaled so that
/// the largest singular value is at least 1.
constexpr float smallest_tail = 1e-26F;

template <int rows, int b>
class Panel {
  using Rows = RowLanes<rows>;
  using Tables = typename Rows::Tables;

 public:
  /// Columns lie `ld` vectors apart.
  explicit Panel(std::size_t ld) : ld_(ld) {}

  /// QR of b columns of `height` vectors: R in p, reflectors in u (zeros above the unit diagonal), ut = u T:
  /// the product of the reflectors is 1 - ut u'.
  void factor(const Tables& k, int height, Floats* p, Floats* u, Floats* ut) const {
    Floats t[b][b];
    reflect<0>(k, height, p, u, t);
    for (int i = 0; i < height; ++i) {
      Floats row[b];
      ATTNSPEC_UNROLL for (int j = 0; j < b; ++j) row[j] = u[j * ld_ + i];
      ATTNSPEC_UNROLL for (int j = b - 1; j >= 0; --j) {
        Floats sum = row[0] * t[0][j];
        ATTNSPEC_UNROLL for (int l = 1; l <= j; ++l) sum += row[l] * t[l][j];
        ut[j * ld_ + i] = sum;
      }
    }
  }

 private:
  /// Step j of the Householder QR of b columns in place. One pass finds the norm and every dot product, before the
  /// scale of the reflector is known; a second one scales it and updates the later columns.
  template <int j>
  void reflect(const Tables& k, int height, Floats* p, Floats* u, Floats (*t)[b]) const {
    constexpr int pivot = j / rows, row = j % rows;
    Floats *x = p + j * ld_, *uj = u + j * ld_;
    Floats dots[b];
    {
      const Floats f = where(k.above[row], x[pivot]);
      ATTNSPEC_UNROLL for (int z = 0; z < b; ++z) dots[z] = f * (z < j ? u[z * ld_ + pivot] : p[z * ld_ + pivot]);
      dots[j] = f * f;
    }
    for (int i = pivot + 1; i < height; ++i) {
      Floats f = x[i];
      keep(f);
      ATTNSPEC_UNROLL for (int z = 0; z < b; ++z) dots[z] += f * (z < j ? u[z * ld_ + i] : p[z * ld_ + i]);
    }
    ATTNSPEC_UNROLL for (int z = 0; z < b; ++z) dots[z] = Rows::sum(k, dots[z]);
    const Floats tail = dots[j], head = Rows::row_of(k, x[pivot], row);
    const FloatMask on = tail > all(smallest_tail);
    Floats beta = root(head * head + tail);
    beta = head > Floats{} ? -beta : beta;
    const Floats scale = where(on, 1.0F / (head - beta)), tau = where(on, (beta - head) / beta);
    beta = on ? beta : head;
    ATTNSPEC_UNROLL for (int z = 0; z < b; ++z) if (z != j) dots[z] =
        (Rows::row_of(k, z < j ? u[z * ld_ + pivot] : p[z * ld_ + pivot], row) + scale * dots[z]) * tau;
    for (int i = 0; i < pivot; ++i) uj[i] = Floats{};
    {
      const Floats f = where(k.above[row], x[pivot]) * scale + where(k.at[row], all(1.0F));
      uj[pivot] = f;
      x[pivot] = where(k.below[row], x[pivot]) + where(k.at[row], beta);
      ATTNSPEC_UNROLL for (int z = j + 1; z < b; ++z) p[z * ld_ + pivot] -= f * dots[z];
    }
    for (int i = pivot + 1; i < height; ++i) {
      const Floats f = x[i] * scale;
      uj[i] = f;
      ATTNSPEC_UNROLL for (int z = j + 1; z < b; ++z) p[z * ld_ + i] -= f * dots[z];
    }
    ATTNSPEC_UNROLL for (int z = 0; z < j; ++z) {
      Floats sum{};
      ATTNSPEC_UNROLL for (int l = z; l < j; ++l) sum += t[z][l] * dots[l];
      t[z][j] = -sum;
    }
    t[j][j] = tau;
    if constexpr (j + 1 < b) reflect<j + 1>(k, height, p, u, t);
  }

  const std::size_t ld_;
};

}  // namespace attnspec::ATTNSPEC_LANES
