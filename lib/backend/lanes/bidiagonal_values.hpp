// Stage 3: singular values of upper bidiagonals, a matrix a lane, in double precision: eigenvalues of B'B by the
// root-free QL of Pal, Walker and Kahan (Parlett 1998, The Symmetric Eigenvalue Problem, 8.15), many lanes in flight
// since a step waits for the one before.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>

#include "lib/backend/lanes/vector.hpp"

namespace attnspec::ATTNSPEC_LANES {

template <int vectors>  // in flight
class BidiagonalValues {
  static constexpr int lanes = vectors * static_cast<int>(double_lanes);

 public:
  static constexpr int matrices = lanes;

  explicit BidiagonalValues(int n)
      : n_(n),
        squares_(static_cast<std::size_t>(n + 2) * vectors),
        couplings_(static_cast<std::size_t>(n + 2) * vectors) {}

  /// Of matrix m: diagonal[i * lanes + m], off_diagonal[i * lanes + m]. values[m * n + i], falling, of the first
  /// `count`. Bit m of the answer: matrix m did not converge.
  std::uint64_t run(const double* diagonal, const double* off_diagonal, double* values, int count = lanes) {
    // The tridiagonal B'B: its diagonal, and the squares beside it. A row before the first is scratch.
    double *d = numbers(squares_), *e = numbers(couplings_);
    for (int i = 0; i < n_; ++i)
      for (int m = 0; m < lanes; ++m) {
        const std::size_t at = static_cast<std::size_t>(i) * lanes + static_cast<std::size_t>(m);
        const double here = diagonal[at], above = i > 0 ? off_diagonal[at - lanes] : 0,
                     beside = i + 1 < n_ ? off_diagonal[at] : 0;
        d[at] = here * here + above * above;
        e[at] = here * here * beside * beside;
      }
    return finish(d, e, values, count);
  }

  /// The same of a factor of symmetric tridiagonals: square roots of their eigenvalues, 0 for those below 0.
  std::uint64_t run_symmetric(const double* diagonal, const double* off_diagonal, double* values, int count) {
    double *d = numbers(squares_), *e = numbers(couplings_);
    const std::size_t rows = static_cast<std::size_t>(n_), width = static_cast<std::size_t>(lanes);
    std::copy_n(diagonal, rows * width, d);
    for (std::size_t at = 0; at < (rows - 1) * width; ++at) e[at] = off_diagonal[at] * off_diagonal[at];
    std::fill_n(e + (rows - 1) * width, width, 0.0);
    return finish(d, e, values, count);
  }

 private:
  std::uint64_t finish(double* d, double* e, double* values, int count) {
    const std::uint64_t failed = diagonalise(d, e);
    for (int m = 0; m < count; ++m) {
      double* out = values + static_cast<std::size_t>(m) * static_cast<std::size_t>(n_);
      for (int i = 0; i < n_; ++i) out[i] = std::sqrt(std::max(0.0, d[i * lanes + m]));
      std::sort(out, out + n_, std::greater<>());
    }
    return failed;
  }

  static double* numbers(VectorBlock<Doubles>& block) { return reinterpret_cast<double*>(block.get() + vectors); }

  std::uint64_t diagonalise(double* d, double* e) {
    // Values below sqrt(smallest) times the largest are zero; without this the recurrence is wrong where rank is lost.
    constexpr double smallest = 1e-40, least_pivot = 1e-100, least_coupling = 1e-60;
    int first[lanes] = {};
    double negligible[lanes] = {};
    for (int i = 0; i < n_; ++i)
      for (int m = 0; m < lanes; ++m) negligible[m] = std::max(negligible[m], std::abs(d[i * lanes + m]));
    for (double& x : negligible) x = std::max(x * x * smallest, 1e-290);
    for (int m = 0; m < lanes; ++m) e[m - lanes] = 0;
    for (int sweep = 0; sweep <= 40 * n_; ++sweep) {
      Doubles sigma[vectors];
      DoubleMask end[vectors];
      const int lowest = split(d, e, negligible, first, sigma, end);
      if (lowest == n_) return 0;
      Doubles c[vectors], s[vectors], gamma[vectors], p[vectors];
      auto *dv = reinterpret_cast<Doubles*>(d), *ev = reinterpret_cast<Doubles*>(e);
      for (int u = 0; u < vectors; ++u) {
        c[u] = all(1.0);
        s[u] = Doubles{};
        gamma[u] = dv[(n_ - 1) * vectors + u] - sigma[u];
        p[u] = gamma[u] * gamma[u];
      }
      for (int i = n_ - 2; i >= lowest - 1; --i) {
        Doubles *ei = ev + i * vectors, *di = dv + i * vectors;
        ATTNSPEC_UNROLL for (int u = 0; u < vectors; ++u) {
          const DoubleMask active = end[u] <= DoubleMask{} + i;
          const Doubles coupling = ei[u], alpha = di[u], before = gamma[u];
          // Where gamma is zero, p of the next step is c times the coupling.
          const DoubleMask at_zero = (coupling > all(least_coupling)) & (p[u] < all(least_pivot));
          const Doubles pivot = larger(p[u], all(least_pivot)), r = pivot + coupling, inverse = 1.0 / (pivot * r),
                        numerator = pivot * (alpha - sigma[u]) - coupling * before, by_r = pivot * inverse;
          ei[vectors + u] = active ? s[u] * r : ei[vectors + u];
          const Doubles next = numerator * numerator * inverse, next_gamma = numerator * by_r;
          p[u] = at_zero ? c[u] * coupling : next;
          c[u] = pivot * by_r;
          s[u] = coupling * by_r;
          di[vectors + u] = active ? before + (alpha - next_gamma) : di[vectors + u];
          gamma[u] = next_gamma;
        }
      }
    }
    std::uint64_t failed = 0;
    for (int m = 0; m < lanes; ++m) failed |= static_cast<std::uint64_t>(first[m] < n_ - 1) << m;
    return failed;
  }

  /// Steps over values that are found. The next block of every matrix: where it begins, its shift, and at which index
  /// its sweep has left it. The answer: the lowest beginning, n where all is done.
  int split(const double* d, double* e, const double* negligible, int* first, Doubles* sigma, DoubleMask* end) const {
    constexpr double tolerance = 1e-16;
    int lowest = n_;
    for (int u = 0; u < vectors; ++u) {
      Doubles one{}, other{}, squared = all(1.0);
      for (int lane = 0; lane < static_cast<int>(double_lanes); ++lane) {
        const int m = u * static_cast<int>(double_lanes) + lane;
        int l = first[m];
        while (l < n_ - 1 &&
               e[l * lanes + m] <= tolerance * std::abs(d[l * lanes + m] * d[(l + 1) * lanes + m]) + negligible[m])
          e[l++ * lanes + m] = 0;
        first[m] = l;
        end[u][lane] = l < n_ - 1 ? l - 1 : 2 * n_;
        if (l == n_ - 1) continue;
        lowest = std::min(lowest, l);
        one[lane] = d[l * lanes + m];
        other[lane] = d[(l + 1) * lanes + m];
        squared[lane] = e[l * lanes + m];
      }
      // The eigenvalue of the leading 2 x 2 block that lies nearer to its first entry.
      const Doubles beside = root(squared), half = (other - one) / (beside + beside), q = root(1.0 + half * half);
      sigma[u] = one - beside / (half + (half < Doubles{} ? -q : q));
    }
    return lowest;
  }

  const int n_;
  VectorBlock<Doubles> squares_, couplings_;
};

}  // namespace attnspec::ATTNSPEC_LANES
