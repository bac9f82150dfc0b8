// Symmetric band to tridiagonal by Householder bulge chasing, a matrix a lane, in double precision.
//
// A step of a chase owns two blocks: D on the diagonal, which gets the pending reflector from both sides, and S below
// it, which gets that one from the right and a new one from the left that clears its first column. What is left of the
// bulge waits for the next sweep. Lang 1993, SIAM J. Sci. Comput. 14, 1320 to 1338.
#pragma once

#include <algorithm>

#include "lib/backend/lanes/bulge_chase.hpp"

namespace attnspec::ATTNSPEC_LANES {

template <int b>
class BandToTridiagonal {
 public:
  static constexpr int stride = 2 * b;  // of a column, in vectors: rows c to c + 2b - 1 of column c
  static std::size_t vectors(int n) { return static_cast<std::size_t>(stride) * static_cast<std::size_t>(n + b); }
  static std::size_t place(int row, int column) {
    return static_cast<std::size_t>(column) * stride + static_cast<std::size_t>(row - column);
  }

  /// The band, row >= column, is lost. diagonal[n], off_diagonal[n - 1].
  static void run(int n, Doubles* band, Doubles* diagonal, Doubles* off_diagonal) {
    chase_bulges<b, 3>(
        n,
        [&](int column, Chase<b>& chase) {
          chase_reflector(band + place(column + 1, column), 1, chase.size, chase.v, chase.tau);
          diagonal[column] = band[place(column, column)];
          off_diagonal[column] = band[place(column + 1, column)];
        },
        [&](Chase<b>& chase, auto full) { return step<decltype(full)::value>(n, band, chase); });
    diagonal[n - 1] = band[place(n - 1, n - 1)];
  }

 private:
  /// False at the end of the band. `full`: both blocks are b x b, known when this is compiled.
  template <bool full>
  static bool step(int n, Doubles* band, Chase<b>& chase) {
    const int start = chase.start, size = full ? b : chase.size, next = start + size;
    const int below = full ? b : std::min(b, n - next);
    const Doubles *v = chase.v, tau = chase.tau;
    // D - v w' - w v' with w = tau D v - v (tau v'D v) tau / 2.
    Doubles w[b], dot{};
    for (int i = 0; i < size; ++i) w[i] = Doubles{};
    for (int c = 0; c < size; ++c) {
      const Doubles *d = band + place(start + c, start + c), f = v[c];
      Doubles sum = w[c] + d[0] * f;
      ATTNSPEC_UNROLL for (int i = c + 1; i < size; ++i) {
        sum += d[i - c] * v[i];
        w[i] += d[i - c] * f;
      }
      w[c] = sum;
      dot += sum * f;
    }
    const Doubles half = dot * tau * tau * -0.5;
    for (int i = 0; i < size; ++i) w[i] = w[i] * tau + half * v[i];
    for (int c = 0; c < size; ++c) {
      Doubles* d = band + place(start + c, start + c);
      const Doubles f = v[c], g = w[c];
      ATTNSPEC_UNROLL for (int i = c; i < size; ++i) d[i - c] -= v[i] * g + w[i] * f;
    }
    if (below <= 0) return false;
    // S - u v', then the reflector that clears its first column.
    Doubles u[b], next_v[b], next_tau;
    for (int i = 0; i < below; ++i) u[i] = Doubles{};
    for (int c = 0; c < size; ++c) {
      const Doubles *s = band + place(next, start + c), f = v[c];
      ATTNSPEC_UNROLL for (int i = 0; i < below; ++i) u[i] += s[i] * f;
    }
    Doubles* s = band + place(next, start);
    for (int i = 0; i < below; ++i) {
      u[i] *= tau;
      s[i] -= u[i];
    }
    chase_reflector(s, 1, below, next_v, next_tau);
    for (int c = 1; c < size; ++c) {
      Doubles *column = band + place(next, start + c), f = v[c], turned[b], sum{};
      ATTNSPEC_UNROLL for (int i = 0; i < below; ++i) {
        turned[i] = column[i] - u[i] * f;
        sum += turned[i] * next_v[i];
      }
      sum *= next_tau;
      ATTNSPEC_UNROLL for (int i = 0; i < below; ++i) column[i] = turned[i] - sum * next_v[i];
    }
    chase.start = next;
    chase.size = below;
    chase.tau = next_tau;
    for (int i = 0; i < below; ++i) chase.v[i] = next_v[i];
    return true;
  }
};

}  // namespace attnspec::ATTNSPEC_LANES
