// Theorems 1 and 2 of Linformer: the k that they ask for, what they then claim, and what is exact about them.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "lib/core/export.hpp"

namespace attnspec {

/// The paper's formulas for the projected dimension k (n tokens, d = head dimension, logarithms natural).
enum class PaperK {
  theorem1,               ///< 5 ln n / (epsilon^2 - epsilon^3) (eq. 5 and 20)
  theorem2_statement,     ///< min{9 d ln d, 5 ln n} / epsilon^2 (Theorem 2 as stated)
  theorem2_proof_tokens,  ///< 5 ln(n d) / (epsilon^2 - epsilon^3) (eq. 10 and 24)
  theorem2_proof_rank     ///< 9 ln d / (epsilon^2 - epsilon^3) (eq. 25): does not grow with n
};

/// As verify.csv names it: "theorem1", "theorem2-statement", "theorem2-proof-tokens", "theorem2-proof-rank".
ATTNSPEC_API std::string_view name_of(PaperK formula);

/// The formula's value, before it is rounded up to a whole k.
ATTNSPEC_API double paper_k(PaperK formula, std::size_t n, std::size_t d, double epsilon);

/// What the paper's steps bound the failure rate by, with b = lemma1_bound(k, epsilon). These can be above 1.
/// Theorem 1, one column w (eq. 20): 2 n b.
ATTNSPEC_API double theorem1_bound(std::size_t n, std::size_t k, double epsilon);
/// Theorem 2, one row against d columns at once (union over columns of eq. 21): 2 d b.
ATTNSPEC_API double theorem2_row_bound(std::size_t d, std::size_t k, double epsilon);
/// Theorem 2, all n rows at once: 2 n d b (eq. 24).
ATTNSPEC_API double theorem2_all_bound(std::size_t n, std::size_t d, std::size_t k, double epsilon);
/// Theorem 2, all rows through 2d of them (eq. 25 and 26): 4 d^2 b.
ATTNSPEC_API double theorem2_rank_bound(std::size_t d, std::size_t k, double epsilon);

/// rho = |P|_F |V|_F / |P V|_F: how much P V cancels. V may be a single column. Infinite where P V = 0, no number where
/// V = 0.
ATTNSPEC_API double cancellation_factor(double attention_norm, double columns_norm, double target_norm);

/// The exact root-mean-square of |P R^T R V - P V|_F / |P V|_F: sqrt((1 + rho^2) / k).
ATTNSPEC_API double theorem1_rms(double rho, std::size_t k);

/// The k whose exact RMS relative error is epsilon: (1 + rho^2) / epsilon^2.
ATTNSPEC_API double needed_k(double rho, double epsilon);

/// The exact root-mean-square of |out - P V|_F / |P V|_F for Theorem 2's own construction in the limit delta -> 0,
/// where every row of the output is 1^T R V / k: sqrt(n_q |V|_F^2 / (k^2 |P V|_F^2) + 1), above 1 whatever k.
ATTNSPEC_API double theorem2_limit_rms(std::size_t n_queries, std::size_t k, double columns_norm, double target_norm);

}  // namespace attnspec
