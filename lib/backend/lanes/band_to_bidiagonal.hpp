// Stage 2: upper band to upper bidiagonal by Householder bulge chasing, a matrix a lane, in double precision: in single
// precision rounding piles up along the band.
//
// A step of a chase owns two blocks: D, which gets the pending reflector from the right and one from the left that
// clears its first column, and S beside it, which gets that one and a new one from the right that clears its first row.
// What is left of the bulge waits for the next sweep. Two-sided form of Lang 1993, SIAM J. Sci. Comput. 14, 1320 to
// 1338.
#pragma once

#include <algorithm>

#include "lib/backend/lanes/bulge_chase.hpp"

namespace attnspec::ATTNSPEC_LANES {

template <int b>
class BandToBidiagonal {
 public:
  static constexpr int stride = 3 * b;  // of a column, in vectors: rows c - 2b + 1 to c + b - 1 of column c
  static std::size_t vectors(int n) { return static_cast<std::size_t>(stride) * static_cast<std::size_t>(n + b); }
  static std::size_t place(int row, int column) {
    return static_cast<std::size_t>(column) * stride + static_cast<std::size_t>(row - column + 2 * b - 1);
  }

  /// The band is lost. diagonal[n], off_diagonal[n - 1].
  static void run(int n, Doubles* band, Doubles* diagonal, Doubles* off_diagonal) {
    chase_bulges<b, 2>(
        n,
        [&](int row, Chase<b>& chase) {
          chase_reflector(band + place(row, row + 1), stride - 1, chase.size, chase.v, chase.tau);
          diagonal[row] = band[place(row, row)];
          off_diagonal[row] = band[place(row, row + 1)];
        },
        [&](Chase<b>& chase, auto full) { return step<decltype(full)::value>(n, band, chase); });
    diagonal[n - 1] = band[place(n - 1, n - 1)];
  }

 private:
  /// False at the end of the band. `full`: both blocks are b x b, known when this is compiled.
  template <bool full>
  static bool step(int n, Doubles* band, Chase<b>& chase) {
    const int start = chase.start, size = full ? b : chase.size, next = start + size;
    const int beside = full ? b : std::min(b, n - next);
    const Doubles* v = chase.v;
    Doubles u[b], w[b], y[b], tau;
    // D (I - tau v v'), then the reflector w that clears its first column.
    Doubles sums[b];
    for (int i = 0; i < size; ++i) sums[i] = Doubles{};
    for (int c = 0; c < size; ++c) {
      const Doubles *d = band + place(start, start + c), f = v[c];
      ATTNSPEC_UNROLL for (int i = 0; i < size; ++i) sums[i] += d[i] * f;
    }
    for (int i = 0; i < size; ++i) u[i] = sums[i] * chase.tau;
    Doubles* first = band + place(start, start);
    for (int i = 0; i < size; ++i) first[i] -= u[i];
    chase_reflector(first, 1, size, w, tau);
    for (int c = 1; c < size; ++c) {
      Doubles *d = band + place(start, start + c), f = v[c], even{}, odd{}, turned[b];
      if constexpr (full) {
        ATTNSPEC_UNROLL for (int i = 0; i < b; i += 2) {
          turned[i] = d[i] - u[i] * f;
          turned[i + 1] = d[i + 1] - u[i + 1] * f;
          even += turned[i] * w[i];
          odd += turned[i + 1] * w[i + 1];
        }
      } else {
        for (int i = 0; i < size; ++i) {
          turned[i] = d[i] - u[i] * f;
          even += turned[i] * w[i];
        }
      }
      const Doubles sum = (even + odd) * tau;
      ATTNSPEC_UNROLL for (int i = 0; i < size; ++i) d[i] = turned[i] - sum * w[i];
    }
    if (beside <= 0) return false;
    // y' = tau w'S; the first row of S - w y' gives the next v; S - w y' - u v'.
    for (int c = 0; c < beside; ++c) {
      const Doubles* s = band + place(start, next + c);
      Doubles sum{};
      ATTNSPEC_UNROLL for (int i = 0; i < size; ++i) sum += s[i] * w[i];
      y[c] = sum * tau;
    }
    Doubles row[b], next_v[b], next_tau, product{};
    for (int c = 0; c < beside; ++c) row[c] = band[place(start, next + c)] - y[c];
    chase_reflector(row, 1, beside, next_v, next_tau);
    for (int i = 0; i < size; ++i) sums[i] = Doubles{};
    for (int c = 0; c < beside; ++c) {
      const Doubles *s = band + place(start, next + c), f = next_v[c];
      product += y[c] * f;
      ATTNSPEC_UNROLL for (int i = 0; i < size; ++i) sums[i] += s[i] * f;
    }
    for (int i = 0; i < size; ++i) u[i] = (sums[i] - w[i] * product) * next_tau;
    for (int c = 0; c < beside; ++c) {
      Doubles* s = band + place(start, next + c);
      const Doubles f = next_v[c], g = y[c];
      ATTNSPEC_UNROLL for (int i = 1; i < size; ++i) s[i] -= w[i] * g + u[i] * f;
      s[0] = row[c];
    }
    chase.start = next;
    chase.size = beside;
    chase.tau = next_tau;
    for (int i = 0; i < beside; ++i) chase.v[i] = next_v[i];
    return true;
  }
};

}  // namespace attnspec::ATTNSPEC_LANES
