// What one spectrum says of the rank of its matrix: curves and rank measures.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "lib/core/export.hpp"

namespace attnspec {

/// C(j) = sum of the first j singular values over the sum of all, j = 1..n: the curve of Linformer's Figure 1.
/// The last entry is exactly 1. All ones where every value is zero.
ATTNSPEC_API std::vector<double> cumulative_share(std::span<const double> singular_values);

/// The same for sigma^2: the share of |P|_F^2 that the best rank-j approximation keeps (Eckart and Young 1936).
ATTNSPEC_API std::vector<double> cumulative_energy(std::span<const double> singular_values);

/// The smallest k whose curve value reaches `share` (0 < share <= 1); 1-based.
ATTNSPEC_API std::size_t index_reaching(std::span<const double> curve, double share);

/// exp(H(sigma / sum sigma)), H the Shannon entropy in nats (Roy and Vetterli, EUSIPCO 2007). n for the identity.
ATTNSPEC_API double effective_rank(std::span<const double> singular_values);

/// |P|_F^2 / sigma_1^2 (Rudelson and Vershynin, JACM 2007). At most the rank.
ATTNSPEC_API double stable_rank(std::span<const double> singular_values);

/// (sum s^2)^2 / sum s^4: how many sigma^2 take part (the inverse participation ratio of Bell and Dean 1970, inverted).
ATTNSPEC_API double participation_ratio(std::span<const double> singular_values);

/// sum sigma: the nuclear (trace) norm.
ATTNSPEC_API double nuclear_norm(std::span<const double> singular_values);

/// The number of singular values above `tolerance` (absolute).
ATTNSPEC_API std::size_t numerical_rank(std::span<const double> singular_values, double tolerance);

/// Where the heatmap and the summary read a curve: 128, or n / 4 where n < 512; 1-based, at least 1.
ATTNSPEC_API std::size_t default_index(std::size_t n);

}  // namespace attnspec
