// Stage 1: dense to upper band with b superdiagonals, several matrices at once, in single precision.
//
// A step takes b columns and b rows: Q from a QR panel of the columns, then one sweep over the rest that applies what
// the step before left pending, A - V W - Z Y', and finds W = (V T)'A and the b rows below the panel; an LQ panel of
// those rows; Z = A (Y S) - V (W Y S). A is read twice and written once for b columns and b rows.
// Blocked two-sided reduction: Grosser and Lang 1999, Parallel Computing 25, 969 to 986.
#pragma once

#include <algorithm>

#include "lib/backend/lanes/panel.hpp"
#include "lib/backend/lanes/trailing_products.hpp"

namespace attnspec::ATTNSPEC_LANES {

/// Reduces `matrices` matrices of one shape, at least as high as wide; both sides are multiples of b and of the rows in
/// a vector.
template <int rows, int b>
class DenseToBand {
  using Rows = RowLanes<rows>;
  using Tables = typename Rows::Tables;
  using Products = TrailingProducts<rows, b>;
  static constexpr bool by_rows = Products::by_rows;

 public:
  static constexpr int matrices = Rows::matrices;

  DenseToBand(int height, int width)
      : height_(height),
        width_(width),
        ld_(static_cast<std::size_t>(height / rows) | 1),  // odd: even strides fall on the same cache lines
        panel_(ld_),
        products_(ld_),
        a_(ld_ * static_cast<std::size_t>(width)),
        left_{VectorBlock<Floats>(2 * b * ld_), VectorBlock<Floats>(2 * b * ld_)},
        right_{VectorBlock<Floats>(2 * b * ld_), VectorBlock<Floats>(2 * b * ld_)},
        vt_(b * ld_),
        vt_rows_(by_rows ? b * ld_ : 0),
        row_panel_(b * ld_),
        ys_(b * ld_) {}

  /// Where the matrices go, column by column; run() destroys them.
  Floats* columns() { return a_.get(); }
  std::size_t stride() const { return ld_; }

  /// put(row, column, entries): entry (row, column) of the band of all matrices.
  template <class Put>
  void run(Put put) {
    const Tables& k = Rows::tables();
    int turn = 0;
    for (int first = 0; first < width_; first += b, turn ^= 1) {
      const int top = first / rows, height = height_ / rows - top, rest = width_ - first - b,
                rest_vectors = rest / rows;
      Floats *panel_start = a_.get() + static_cast<std::size_t>(first) * ld_ + top,
             *trailing = panel_start + static_cast<std::size_t>(b) * ld_, *v = left_[turn].get(),
             *w = right_[turn].get(), *y = w + b * ld_;
      const Floats* pending = left_[turn ^ 1].get() + b / rows;
      const float* coefficients = reinterpret_cast<const float*>(right_[turn ^ 1].get());
      if (first > 0) products_.update(height, b, panel_start, pending, coefficients);
      panel_.factor(k, height, panel_start, v, vt_.get());
      if constexpr (by_rows) turn_to_rows(k, height);
      for (int j = 0; j < b; ++j)
        for (int i = 0; i <= j; ++i)
          put(first + i, first + j,
              reinterpret_cast<const float*>(panel_start + static_cast<std::size_t>(j) * ld_) + i * matrices);
      if (rest == 0) return;
      sweep(k, first > 0, height, rest, trailing, v, w, pending, coefficients);
      panel_.factor(k, rest_vectors, row_panel_.get(), y, ys_.get());
      for (int j = 0; j < b; ++j)
        for (int c = 0; c <= j; ++c)
          put(first + j, first + b + c,
              reinterpret_cast<const float*>(row_panel_.get() + static_cast<std::size_t>(j) * ld_) + c * matrices);
      find_z(k, height - b / rows, rest, rest_vectors, trailing + b / rows, v + b / rows, w);
    }
  }

 private:
  static constexpr int sweep_columns = rows > 8 ? rows : 8;

  /// V T with the b numbers of a row in a vector.
  void turn_to_rows(const Tables& k, int height) {
    for (int i = 0; i < height; ++i) {
      Floats x[rows];
      ATTNSPEC_UNROLL for (int j = 0; j < rows; ++j) x[j] = vt_.get()[j * ld_ + i];
      Rows::transpose(k, x);
      ATTNSPEC_UNROLL for (int j = 0; j < rows; ++j) vt_rows_.get()[i * rows + j] = x[j];
    }
  }

  /// Applies what is pending to the trailing columns, finds W, and turns the b rows beside the panel into columns.
  void sweep(const Tables& k, bool is_pending, int height, int rest, Floats* trailing, const Floats* v, Floats* w,
             const Floats* pending, const float* coefficients) {
    for (int c = 0; c < rest; c += sweep_columns) {
      const int columns = std::min(sweep_columns, rest - c);
      Floats* a = trailing + static_cast<std::size_t>(c) * ld_;
      if (is_pending) products_.update(height, columns, a, pending, coefficients + (b + c) * matrices);
      for (int s = 0; s < columns; s += rows) {
        Floats *ws = w + (c + s) / rows, *as = a + s * ld_;
        products_.dots(k, height, as, by_rows ? vt_rows_.get() : vt_.get(), ws);
        for (int i = 0; i < b / rows; ++i) {
          Floats x[rows];
          ATTNSPEC_UNROLL for (int z = 0; z < rows; ++z) x[z] = as[z * ld_ + i];
          for (int l = 0; l < b; ++l)
            ATTNSPEC_UNROLL for (int z = 0; z < rows; ++z) x[z] -=
                v[l * ld_ + i] * Rows::broadcast(reinterpret_cast<const float*>(ws + l * ld_) + z * matrices);
          Rows::transpose(k, x);
          ATTNSPEC_UNROLL for (int z = 0; z < rows; ++z) row_panel_.get()[(rows * i + z) * ld_ + (c + s) / rows] = x[z];
        }
      }
    }
  }

  /// Z = A (Y S) - V (W Y S), beside V.
  void find_z(const Tables& k, int height, int rest, int rest_vectors, const Floats* a, const Floats* v,
              const Floats* w) {
    Floats wy[b * b];
    for (int j = 0; j < b; j += 4)
      for (int l = 0; l < b; l += 4) {
        Floats sum[4][4];
        ATTNSPEC_UNROLL for (int q = 0; q < 4; ++q) ATTNSPEC_UNROLL for (int z = 0; z < 4; ++z) sum[q][z] = Floats{};
        for (int c = 0; c < rest_vectors; ++c) {
          Floats x[4];
          ATTNSPEC_UNROLL for (int z = 0; z < 4; ++z) x[z] = ys_.get()[(l + z) * ld_ + c];
          ATTNSPEC_UNROLL for (int q = 0; q < 4; ++q) {
            Floats coefficient = w[(j + q) * ld_ + c];
            keep(coefficient);
            ATTNSPEC_UNROLL for (int z = 0; z < 4; ++z) sum[q][z] += coefficient * x[z];
          }
        }
        ATTNSPEC_UNROLL for (int q = 0; q < 4; ++q) ATTNSPEC_UNROLL for (int z = 0; z < 4; ++z)
            wy[(j + q) * b + l + z] = Rows::sum(k, sum[q][z]);
      }
    Floats* z = const_cast<Floats*>(v) + b * ld_;
    products_.times(height, rest, a, reinterpret_cast<const float*>(ys_.get()), z);
    for (int l = 0; l < b; l += 4)
      for (int i = 0; i < height; ++i) {
        Floats sum[4];
        ATTNSPEC_UNROLL for (int x = 0; x < 4; ++x) sum[x] = z[(l + x) * ld_ + i];
        for (int j = 0; j < b; ++j) {
          const Floats f = v[j * ld_ + i];
          ATTNSPEC_UNROLL for (int x = 0; x < 4; ++x) sum[x] -= f * wy[j * b + l + x];
        }
        ATTNSPEC_UNROLL for (int x = 0; x < 4; ++x) z[(l + x) * ld_ + i] = sum[x];
      }
  }

  const int height_, width_;
  const std::size_t ld_;
  Panel<rows, b> panel_;
  TrailingProducts<rows, b> products_;
  VectorBlock<Floats> a_;         ///< column by column
  VectorBlock<Floats> left_[2];   ///< V and Z of this step and the one before
  VectorBlock<Floats> right_[2];  ///< W and Y, a row each
  VectorBlock<Floats> vt_, vt_rows_, row_panel_, ys_;
};

}  // namespace attnspec::ATTNSPEC_LANES
