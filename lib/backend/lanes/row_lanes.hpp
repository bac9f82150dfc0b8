// Several rows of several matrices in one vector: lane = row * matrices + matrix. Sums over rows, and rows for columns.
//
// So a coefficient that all rows of a matrix share is `matrices` floats in memory, read by one broadcasting load, and
// columns stay in cache where a vector of one row of many matrices would not.
#pragma once

#include <array>

#include "lib/backend/lanes/vector.hpp"

namespace attnspec::ATTNSPEC_LANES {

template <int rows>  // of a matrix in a vector
struct RowLanes {
  static constexpr int matrices = static_cast<int>(float_lanes) / rows;
  static constexpr int levels = rows == 16 ? 4 : rows == 8 ? 3 : 2;

  /// Lane indices for shuffles of two vectors, by row.
  struct Tables {
    std::array<FloatMask, levels> low{}, high{}, around{};
    FloatMask zip_low{}, zip_high{};
    std::array<FloatMask, rows> above{}, at{}, below{}, only{};

    Tables() {
      constexpr int lanes_of_one = static_cast<int>(float_lanes);
      for (int lane = 0; lane < lanes_of_one; ++lane) {
        const int source = lane / 2 + lane % 2 * lanes_of_one;
        zip_low[lane] = source;
        zip_high[lane] = source + lanes_of_one / 2;
      }
      const auto set = [](FloatMask& index, int row, int source) {
        constexpr int lanes = static_cast<int>(float_lanes);
        for (int m = 0; m < matrices; ++m)
          index[row * matrices + m] = source < rows ? source * matrices + m : lanes + (source - rows) * matrices + m;
      };
      for (int p = 0; p < rows; ++p)
        for (int lane = 0; lane < static_cast<int>(float_lanes); ++lane) {
          const int row = lane / matrices;
          above[p][lane] = row > p ? -1 : 0;
          at[p][lane] = row == p ? -1 : 0;
          below[p][lane] = row < p ? -1 : 0;
          only[p][lane] = p * matrices + lane % matrices;
        }
      for (int row = 0; row < rows; ++row)
        for (int level = 0, half = rows / 2; half >= 1; half /= 2, ++level) {
          set(around[level], row, (row + half) % rows);
          // The lower (upper) half of each block of 2 half rows, of the first vector and then of the second.
          const int within = row % (rows / 2), source = within / half * 2 * half + within % half;
          const int vector = row < rows / 2 ? 0 : rows;
          set(low[level], row, vector + source);
          set(high[level], row, vector + source + half);
        }
    }
  };
  static const Tables& tables() {
    static const Tables made;
    return made;
  }

  static Floats broadcast(const float* coefficients) { return repeated<matrices>(coefficients); }
  static Floats row_of(const Tables& k, Floats x, int row) { return __builtin_shuffle(x, k.only[row]); }
  /// The sum over a matrix's rows, in all of them.
  static Floats sum(const Tables& k, Floats x) {
    ATTNSPEC_UNROLL for (int level = 0; level < levels; ++level) x += __builtin_shuffle(x, k.around[level]);
    return x;
  }
  static Floats halves(const Tables& k, Floats x, Floats y, int level) {
    return __builtin_shuffle(x, y, k.low[level]) + __builtin_shuffle(x, y, k.high[level]);
  }
  /// Sums of four vectors over a matrix's rows; with four rows, sum c lies in row c.
  static Floats four_sums(const Tables& k, Floats x, Floats y, Floats z, Floats w) {
    return halves(k, halves(k, x, y, 0), halves(k, z, w, 0), 1);
  }
  /// A vector of each matrix becomes `matrices` vectors of a few rows of all.
  static void interleave(const Tables& k, Floats* x) {
    ATTNSPEC_UNROLL for (int done = 1; done < matrices; done *= 2) {
      Floats y[matrices];
      ATTNSPEC_UNROLL for (int m = 0; m < matrices / 2; ++m) {
        y[2 * m] = __builtin_shuffle(x[m], x[m + matrices / 2], k.zip_low);
        y[2 * m + 1] = __builtin_shuffle(x[m], x[m + matrices / 2], k.zip_high);
      }
      ATTNSPEC_UNROLL for (int m = 0; m < matrices; ++m) x[m] = y[m];
    }
  }
  /// Row and vector change places in `rows` vectors.
  static void transpose(const Tables& k, Floats* x) {
    ATTNSPEC_UNROLL for (int level = 0; level < levels; ++level) {
      const int block = rows >> level;
      Floats y[rows];
      ATTNSPEC_UNROLL for (int first = 0; first < rows; first += block)
          ATTNSPEC_UNROLL for (int p = 0; p < block / 2; ++p) {
        y[first + p] = __builtin_shuffle(x[first + 2 * p], x[first + 2 * p + 1], k.low[level]);
        y[first + block / 2 + p] = __builtin_shuffle(x[first + 2 * p], x[first + 2 * p + 1], k.high[level]);
      }
      ATTNSPEC_UNROLL for (int p = 0; p < rows; ++p) x[p] = y[p];
    }
  }
};

}  // namespace attnspec::ATTNSPEC_LANES
