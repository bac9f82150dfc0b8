// The three products of which nearly all the work consists: A - L C, U'A and A Y, in registers, without packing A.
#pragma once

#include <algorithm>

#include "lib/backend/lanes/row_lanes.hpp"

namespace attnspec::ATTNSPEC_LANES {

template <int rows, int b>
class TrailingProducts {
  using Rows = RowLanes<rows>;
  using Tables = typename Rows::Tables;
  static constexpr int matrices = Rows::matrices;
  // Blocks that fill the registers: 32 with 64 bytes, else 16.
  static constexpr bool wide = float_lanes == 16;
  static constexpr int row_block = wide ? 4 : 3, column_block = 4, dot_block = wide ? 4 : 2;
  static constexpr int times_rows = b < 8 ? b : wide ? 8 : 4, times_block_rows = (wide ? 24 : 12) / times_rows;

 public:
  /// One matrix a vector, so that a row of b numbers is a vector too.
  static constexpr bool by_rows = matrices == 1 && rows == b;

  /// Columns, and rows of coefficients, lie `ld` vectors apart.
  explicit TrailingProducts(std::size_t ld) : ld_(ld) {}

  /// A -= L C, with L of 2 b columns and C of 2 b rows of coefficients, for some columns.
  void update(int height, int columns, Floats* a, const Floats* left, const float* coefficients) const {
    int i = 0;
    for (; i + row_block <= height; i += row_block) update_block<row_block>(columns, a + i, left + i, coefficients);
    for (; i + 2 <= height; i += 2) update_block<2>(columns, a + i, left + i, coefficients);
    for (; i < height; ++i) update_block<1>(columns, a + i, left + i, coefficients);
  }

  /// U'A for `rows` columns: row j of the product, packed into one vector, goes to w[j * ld]. `u` is b columns, or b
  /// numbers a row where a vector holds one matrix (`by_rows`).
  void dots(const Tables& k, int height, const Floats* a, const Floats* u, Floats* w) const {
    if constexpr (by_rows) {
      Floats sum[rows];
      ATTNSPEC_UNROLL for (int c = 0; c < rows; ++c) sum[c] = Floats{};
      const float* entries = reinterpret_cast<const float*>(a);
      const std::size_t column = ld_ * float_lanes;
      for (int i = 0; i < height * rows; ++i) {
        Floats x = u[i];
        keep(x);
        ATTNSPEC_UNROLL for (int c = 0; c < rows; ++c) sum[c] += x * all(entries[c * column + i]);
      }
      Rows::transpose(k, sum);
      ATTNSPEC_UNROLL for (int j = 0; j < b; ++j) w[j * ld_] = sum[j];
    } else {
      for (int j = 0; j < b; j += dot_block) {
        Floats part[dot_block];
        for (int half = 0; half < rows; half += 4) {
          const Floats* columns = a + half * ld_;
          Floats sum[4][dot_block];
          ATTNSPEC_UNROLL for (int c = 0; c < 4; ++c) ATTNSPEC_UNROLL for (int q = 0; q < dot_block; ++q) sum[c][q] =
              Floats{};
          for (int i = 0; i < height; ++i) {
            Floats x[4];
            ATTNSPEC_UNROLL for (int c = 0; c < 4; ++c) {
              x[c] = columns[c * ld_ + i];
              keep(x[c]);
            }
            ATTNSPEC_UNROLL for (int q = 0; q < dot_block; ++q) {
              Floats f = u[(j + q) * ld_ + i];
              keep(f);
              ATTNSPEC_UNROLL for (int c = 0; c < 4; ++c) sum[c][q] += x[c] * f;
            }
          }
          ATTNSPEC_UNROLL for (int q = 0; q < dot_block; ++q) {
            const Floats four = Rows::four_sums(k, sum[0][q], sum[1][q], sum[2][q], sum[3][q]);
            if (rows == 4)
              w[(j + q) * ld_] = four;
            else if (half == 0)
              part[q] = four;
            else
              w[(j + q) * ld_] = Rows::halves(k, part[q], four, 2);
          }
        }
      }
    }
  }

  /// Z = A Y, with Y of b rows of coefficients. From the last columns to the first, which the next step reads first.
  void times(int height, int columns, const Floats* a, const float* y, Floats* z) const {
    constexpr int at_once = 32;  // columns: their blocks of rows stay in the first cache
    const int last = (columns - 1) / at_once * at_once;
    for (int c = last; c >= 0; c -= at_once) {
      const int count = std::min(at_once, columns - c);
      const Floats* from = a + static_cast<std::size_t>(c) * ld_;
      in_blocks<times_block_rows>(height, [&]<int size>(int i) {
        for (int j = 0; j < b; j += times_rows)
          times_block<size>(count, from + i, y + j * ld_ * float_lanes + c * matrices, z + j * ld_ + i, c == last);
      });
    }
  }

 private:
  /// run.operator()<size>(i) for blocks of at most `most`; none of 1, which waits for its own sums, where 2 can be had.
  template <int most, class Run>
  static void in_blocks(int height, const Run& run) {
    for (int i = 0; i < height;) {
      const int left = height - i, size = left == most + 1 && most > 2 ? most - 1 : std::min(left, most);
      one_block<most>(size, i, run);
      i += size;
    }
  }
  template <int size, class Run>
  static void one_block(int wanted, int i, const Run& run) {
    if (wanted == size) return run.template operator()<size>(i);
    if constexpr (size > 1) one_block<size - 1>(wanted, i, run);
  }

  template <int block>
  void update_block(int columns, Floats* a, const Floats* left, const float* coefficients) const {
    for (int c = 0; c < columns; c += column_block) {
      Floats sum[column_block][block];
      ATTNSPEC_UNROLL for (int x = 0; x < column_block; ++x) ATTNSPEC_UNROLL for (int r = 0; r < block; ++r) sum[x][r] =
          a[(c + x) * ld_ + r];
      for (int l = 0; l < 2 * b; ++l) {
        Floats v[block];
        ATTNSPEC_UNROLL for (int r = 0; r < block; ++r) {
          v[r] = left[l * ld_ + r];
          keep(v[r]);
        }
        ATTNSPEC_UNROLL for (int x = 0; x < column_block; ++x) {
          Floats w = Rows::broadcast(coefficients + l * ld_ * float_lanes + (c + x) * matrices);
          keep(w);
          ATTNSPEC_UNROLL for (int r = 0; r < block; ++r) sum[x][r] -= v[r] * w;
        }
      }
      ATTNSPEC_UNROLL for (int x = 0; x < column_block; ++x) ATTNSPEC_UNROLL for (int r = 0; r < block; ++r)
          a[(c + x) * ld_ + r] = sum[x][r];
    }
  }

  template <int block>
  void times_block(int columns, const Floats* a, const float* y, Floats* z, bool first) const {
    Floats sum[times_rows][block];
    ATTNSPEC_UNROLL for (int j = 0; j < times_rows; ++j) ATTNSPEC_UNROLL for (int r = 0; r < block; ++r) sum[j][r] =
        first ? Floats{} : z[j * ld_ + r];
    for (int c = 0; c < columns; ++c) {
      Floats x[block];
      ATTNSPEC_UNROLL for (int r = 0; r < block; ++r) {
        x[r] = a[c * ld_ + r];
        keep(x[r]);
      }
      ATTNSPEC_UNROLL for (int j = 0; j < times_rows; ++j) {
        Floats coefficient = Rows::broadcast(y + j * ld_ * float_lanes + c * matrices);
        keep(coefficient);
        ATTNSPEC_UNROLL for (int r = 0; r < block; ++r) sum[j][r] += x[r] * coefficient;
      }
    }
    ATTNSPEC_UNROLL for (int j = 0; j < times_rows; ++j) ATTNSPEC_UNROLL for (int r = 0; r < block; ++r)
        z[j * ld_ + r] = sum[j][r];
  }

  const std::size_t ld_;
};

}  // namespace attnspec::ATTNSPEC_LANES
