// Stage 1: dense to upper band with b superdiagonals, several matrices at once, in single precision.
//
// A vector holds `rows` rows of `matrices` matrices: lane = row * matrices + matrix. So a coefficient that all rows of
// a matrix share is `matrices` floats in memory, read by one broadcasting load, and columns stay in cache where a
// vector of one row of many matrices would not.
//
// A step takes b columns and b rows: Q from a QR panel of the columns, then one sweep over the rest that applies what
// the step before left pending, A - V W - Z Y', and finds W = (V T)'A and the b rows below the panel; an LQ panel of
// those rows; Z = A (Y S) - V (W Y S). A is read twice and written once for b columns and b rows.
// Blocked two-sided reduction: Grosser and Lang 1999, Parallel Computing 25, 969 to 986.
#pragma once

#include <algorithm>
#include <array>

#include "lib/backend/lanes/vector.hpp"

namespace attnspec::ATTNSPEC_LANES {

/// Squared tails below this are zero: their squares are near the end of single precision. Matrices are scaled so that
/// the largest entry is between 1 and 2.
constexpr float smallest_tail = 1e-26F;

template <int rows>  // of a matrix in a vector
struct RowLanes {
  static constexpr int matrices = static_cast<int>(float_lanes) / rows;
  static constexpr int levels = rows == 8 ? 3 : 2;

  /// Lane indices for shuffles of two vectors, by row.
  struct Tables {
    std::array<FloatMask, levels> low{}, high{}, around{};
    std::array<FloatMask, rows> above{}, at{}, below{}, only{};

    Tables() {
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
  /// Row and vector change places in `rows` vectors.
  static void transpose(const Tables& k, Floats* x) {
    Floats one[rows], two[rows];
    ATTNSPEC_UNROLL for (int p = 0; p < rows / 2; ++p) {
      one[p] = __builtin_shuffle(x[2 * p], x[2 * p + 1], k.low[0]);
      one[p + rows / 2] = __builtin_shuffle(x[2 * p], x[2 * p + 1], k.high[0]);
    }
    if constexpr (rows == 4) {
      ATTNSPEC_UNROLL for (int h = 0; h < 2; ++h) {
        x[2 * h] = __builtin_shuffle(one[2 * h], one[2 * h + 1], k.low[1]);
        x[2 * h + 1] = __builtin_shuffle(one[2 * h], one[2 * h + 1], k.high[1]);
      }
    } else {
      ATTNSPEC_UNROLL for (int h = 0; h < 8; h += 4) ATTNSPEC_UNROLL for (int p = 0; p < 2; ++p) {
        two[h + p] = __builtin_shuffle(one[h + 2 * p], one[h + 2 * p + 1], k.low[1]);
        two[h + 2 + p] = __builtin_shuffle(one[h + 2 * p], one[h + 2 * p + 1], k.high[1]);
      }
      ATTNSPEC_UNROLL for (int p = 0; p < 8; p += 2) {
        x[p] = __builtin_shuffle(two[p], two[p + 1], k.low[2]);
        x[p + 1] = __builtin_shuffle(two[p], two[p + 1], k.high[2]);
      }
    }
  }
};

/// Reduces `matrices` square matrices of one size; n is a multiple of b and of the rows in a vector.
template <int rows, int b>
class DenseToBand {
  using Rows = RowLanes<rows>;
  using Tables = typename Rows::Tables;

 public:
  static constexpr int matrices = Rows::matrices;

  explicit DenseToBand(int n)
      : n_(n),
        ld_(static_cast<std::size_t>(n / rows) | 1),  // odd: even strides fall on the same cache lines
        a_(ld_ * static_cast<std::size_t>(n)),
        left_{VectorBlock<Floats>(2 * b * ld_), VectorBlock<Floats>(2 * b * ld_)},
        right_{VectorBlock<Floats>(2 * b * ld_), VectorBlock<Floats>(2 * b * ld_)},
        vt_(b * ld_),
        row_panel_(b * ld_),
        ys_(b * ld_) {}

  /// Column c of matrix m, entries [0, n).
  void load(int c, int m, const float* entries) {
    float* to = reinterpret_cast<float*>(a_.get() + static_cast<std::size_t>(c) * ld_) + m;
    for (int i = 0; i < n_; ++i) to[static_cast<std::size_t>(i) * matrices] = entries[i];
  }

  /// put(row, column, entries): entry (row, column) of the band of all matrices.
  template <class Put>
  void run(Put put) {
    const Tables& k = Rows::tables();
    const std::size_t coefficient_row = ld_ * float_lanes;
    int turn = 0;
    for (int first = 0; first < n_; first += b, turn ^= 1) {
      const int top = first / rows, height = n_ / rows - top, rest = n_ - first - b, rest_vectors = rest / rows;
      Floats *panel_start = a_.get() + static_cast<std::size_t>(first) * ld_ + top,
             *trailing = panel_start + static_cast<std::size_t>(b) * ld_, *v = left_[turn].get(),
             *w = right_[turn].get(), *y = w + b * ld_;
      const Floats* pending = left_[turn ^ 1].get() + b / rows;
      const float* coefficients = reinterpret_cast<const float*>(right_[turn ^ 1].get());
      if (first > 0) update(height, b, panel_start, pending, coefficients, coefficient_row);
      factor(k, height, panel_start, v, vt_.get());
      for (int j = 0; j < b; ++j)
        for (int i = 0; i <= j; ++i)
          put(first + i, first + j,
              reinterpret_cast<const float*>(panel_start + static_cast<std::size_t>(j) * ld_) + i * matrices);
      if (rest == 0) return;
      sweep(k, first > 0, height, rest, trailing, v, w, pending, coefficients, coefficient_row);
      factor(k, rest_vectors, row_panel_.get(), y, ys_.get());
      for (int j = 0; j < b; ++j)
        for (int c = 0; c <= j; ++c)
          put(first + j, first + b + c,
              reinterpret_cast<const float*>(row_panel_.get() + static_cast<std::size_t>(j) * ld_) + c * matrices);
      find_z(k, height - b / rows, rest, rest_vectors, trailing + b / rows, v + b / rows, w, coefficient_row);
    }
  }

 private:
  static constexpr bool wide = float_lanes == 16;
  static constexpr int row_block = wide ? 4 : 3, column_block = 4, dot_block = wide ? 4 : 2, sweep_columns = 8;

  /// Step j of the Householder QR of b columns in place. One pass finds the norm and every dot product, before the
  /// scale of the reflector is known; a second one scales it and updates the later columns.
  template <int j>
  void reflect(const Tables& k, int height, Floats* p, Floats* u, Floats (*t)[b]) {
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

  /// QR of b columns of `height` vectors: R in p, reflectors in u (zeros above the unit diagonal), ut = u T.
  void factor(const Tables& k, int height, Floats* p, Floats* u, Floats* ut) {
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

  template <int block>
  void update_block(int columns, Floats* a, const Floats* left, const float* coefficients,
                    std::size_t coefficient_row) {
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
          Floats w = Rows::broadcast(coefficients + l * coefficient_row + (c + x) * matrices);
          keep(w);
          ATTNSPEC_UNROLL for (int r = 0; r < block; ++r) sum[x][r] -= v[r] * w;
        }
      }
      ATTNSPEC_UNROLL for (int x = 0; x < column_block; ++x) ATTNSPEC_UNROLL for (int r = 0; r < block; ++r)
          a[(c + x) * ld_ + r] = sum[x][r];
    }
  }

  /// A -= [V Z] [W; Y'] for some columns.
  void update(int height, int columns, Floats* a, const Floats* left, const float* coefficients,
              std::size_t coefficient_row) {
    int i = 0;
    for (; i + row_block <= height; i += row_block)
      update_block<row_block>(columns, a + i, left + i, coefficients, coefficient_row);
    for (; i + 2 <= height; i += 2) update_block<2>(columns, a + i, left + i, coefficients, coefficient_row);
    for (; i < height; ++i) update_block<1>(columns, a + i, left + i, coefficients, coefficient_row);
  }

  /// (V T)'A for `rows` columns: row j of W, packed into one vector.
  void dots(const Tables& k, int height, const Floats* a, const Floats* vt, Floats* w) {
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
            Floats u = vt[(j + q) * ld_ + i];
            keep(u);
            ATTNSPEC_UNROLL for (int c = 0; c < 4; ++c) sum[c][q] += x[c] * u;
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

  /// Applies what is pending to the trailing columns, finds W, and turns the b rows beside the panel into columns.
  void sweep(const Tables& k, bool is_pending, int height, int rest, Floats* trailing, const Floats* v, Floats* w,
             const Floats* pending, const float* coefficients, std::size_t coefficient_row) {
    for (int c = 0; c < rest; c += sweep_columns) {
      const int columns = std::min(sweep_columns, rest - c);
      Floats* a = trailing + static_cast<std::size_t>(c) * ld_;
      if (is_pending) update(height, columns, a, pending, coefficients + (b + c) * matrices, coefficient_row);
      for (int s = 0; s < columns; s += rows) {
        Floats *ws = w + (c + s) / rows, *as = a + s * ld_;
        dots(k, height, as, vt_.get(), ws);
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

  template <int block>
  void times_y(int columns, const Floats* a, const float* y, std::size_t coefficient_row, Floats* z, bool first) {
    Floats sum[b][block];
    ATTNSPEC_UNROLL for (int j = 0; j < b; ++j) ATTNSPEC_UNROLL for (int r = 0; r < block; ++r) sum[j][r] =
        first ? Floats{} : z[j * ld_ + r];
    for (int c = 0; c < columns; ++c) {
      Floats x[block];
      ATTNSPEC_UNROLL for (int r = 0; r < block; ++r) {
        x[r] = a[c * ld_ + r];
        keep(x[r]);
      }
      ATTNSPEC_UNROLL for (int j = 0; j < b; ++j) {
        Floats coefficient = Rows::broadcast(y + j * coefficient_row + c * matrices);
        keep(coefficient);
        ATTNSPEC_UNROLL for (int r = 0; r < block; ++r) sum[j][r] += x[r] * coefficient;
      }
    }
    ATTNSPEC_UNROLL for (int j = 0; j < b; ++j) ATTNSPEC_UNROLL for (int r = 0; r < block; ++r) z[j * ld_ + r] =
        sum[j][r];
  }

  /// Z = A (Y S) - V (W Y S), beside V.
  void find_z(const Tables& k, int height, int rest, int rest_vectors, const Floats* a, const Floats* v,
              const Floats* w, std::size_t coefficient_row) {
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
    const float* y = reinterpret_cast<const float*>(ys_.get());
    constexpr int block = wide ? (b == 8 ? 3 : 6) : (b == 8 ? 1 : 3), columns_at_once = 32;
    for (int c = 0; c < rest; c += columns_at_once) {
      const int columns = std::min(columns_at_once, rest - c);
      const Floats* from = a + static_cast<std::size_t>(c) * ld_;
      const float* coefficients = y + c * matrices;
      int i = 0;
      for (; i + block <= height; i += block)
        times_y<block>(columns, from + i, coefficients, coefficient_row, z + i, c == 0);
      for (; i < height; ++i) times_y<1>(columns, from + i, coefficients, coefficient_row, z + i, c == 0);
    }
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

  const int n_;
  const std::size_t ld_;
  VectorBlock<Floats> a_;         ///< column by column
  VectorBlock<Floats> left_[2];   ///< V and Z of this step and the one before
  VectorBlock<Floats> right_[2];  ///< W and Y, a row each
  VectorBlock<Floats> vt_, row_panel_, ys_;
};

}  // namespace attnspec::ATTNSPEC_LANES
