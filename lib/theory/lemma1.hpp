// Lemma 1 of Linformer, the Johnson-Lindenstrauss lemma: its bounds, and the exact laws behind them.
#pragma once

#include <cstddef>

#include "lib/core/export.hpp"

namespace attnspec {

/// Throughout, R is k x n with i.i.d. N(0, 1/k) entries, 0 < epsilon < 1 and k >= 1. The laws throw Error(internal)
/// where an argument is outside its range.

/// b = e^{-(epsilon^2 - epsilon^3) k / 4}: the paper's bound on Pr(|Rx| > (1 + epsilon) |x|) (eq. 11). The bounds that
/// follow are multiples of it; eq. 12, the inner product, claims 2 b.
ATTNSPEC_API double lemma1_bound(std::size_t k, double epsilon);

/// Pr(|Rx| > (1 + epsilon) |x|), exact for every x != 0: k |Rx|^2 / |x|^2 is chi-square with k degrees of freedom.
ATTNSPEC_API double norm_failure_rate(std::size_t k, double epsilon);

/// Pr(| |Rx|^2 - |x|^2 | > epsilon |x|^2), exact for every x != 0: the two-sided form, on squares. epsilon >= 0.
ATTNSPEC_API double squared_norm_failure_rate(std::size_t k, double epsilon);

/// Pr(|<Rx, Ry> - <x, y>| > tolerance |x| |y|), exact for vectors with cosine `cosine`:
/// k <Rx, Ry> / (|x| |y|) = (1 + c)/2 U - (1 - c)/2 W with U and W independent chi-square, k degrees of freedom each.
/// Eq. 12 in the product form has tolerance = epsilon; as printed, tolerance = epsilon |c|.
/// Relative error below 1e-9 down to rates of 1e-15, for k up to 1e5. tolerance >= 0. A cosine outside [-1, 1] is taken
/// for rounding and clamped; a cosine that is not a number belongs to a zero vector, which never fails: 0.
ATTNSPEC_API double inner_product_failure_rate(std::size_t k, double cosine, double tolerance);

}  // namespace attnspec
