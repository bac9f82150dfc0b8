// Theorems 1 and 2: the arithmetic of their claims, and second moments.
#include "lib/theory/theorems.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "lib/core/error.hpp"
#include "lib/theory/lemma1.hpp"

namespace attnspec {

std::string_view name_of(PaperK formula) {
  switch (formula) {
    case PaperK::theorem1: return "theorem1";
    case PaperK::theorem2_statement: return "theorem2-statement";
    case PaperK::theorem2_proof_tokens: return "theorem2-proof-tokens";
    case PaperK::theorem2_proof_rank: return "theorem2-proof-rank";
  }
  throw Error(ErrorKind::internal, "a formula for k without a name");
}

double paper_k(PaperK formula, std::size_t n, std::size_t d, double epsilon) {
  const auto tokens = static_cast<double>(n), dimension = static_cast<double>(d);
  const double square = epsilon * epsilon, proof = square * (1 - epsilon);
  switch (formula) {
    case PaperK::theorem1: return 5 * std::log(tokens) / proof;
    case PaperK::theorem2_statement:
      return std::min(9 * dimension * std::log(dimension), 5 * std::log(tokens)) / square;
    case PaperK::theorem2_proof_tokens: return 5 * (std::log(tokens) + std::log(dimension)) / proof;
    case PaperK::theorem2_proof_rank: return 9 * std::log(dimension) / proof;
  }
  throw Error(ErrorKind::internal, "a k without a formula");
}

double theorem1_bound(std::size_t n, std::size_t k, double epsilon) {
  return 2 * static_cast<double>(n) * lemma1_bound(k, epsilon);
}

double theorem2_row_bound(std::size_t d, std::size_t k, double epsilon) {
  return 2 * static_cast<double>(d) * lemma1_bound(k, epsilon);
}

double theorem2_all_bound(std::size_t n, std::size_t d, std::size_t k, double epsilon) {
  return static_cast<double>(n) * theorem2_row_bound(d, k, epsilon);
}

double theorem2_rank_bound(std::size_t d, std::size_t k, double epsilon) {
  return 2 * static_cast<double>(d) * theorem2_row_bound(d, k, epsilon);
}

double cancellation_factor(double attention_norm, double columns_norm, double target_norm) {
  if (columns_norm == 0) return std::numeric_limits<double>::quiet_NaN();
  if (target_norm == 0) return std::numeric_limits<double>::infinity();
  return attention_norm * columns_norm / target_norm;
}

double theorem1_rms(double rho, std::size_t k) { return std::hypot(1, rho) / std::sqrt(static_cast<double>(k)); }

double needed_k(double rho, double epsilon) { return (1 + rho * rho) / (epsilon * epsilon); }

double theorem2_limit_rms(std::size_t n_queries, std::size_t k, double columns_norm, double target_norm) {
  if (columns_norm == 0) return std::numeric_limits<double>::quiet_NaN();
  if (target_norm == 0) return std::numeric_limits<double>::infinity();
  return std::hypot(1, std::sqrt(static_cast<double>(n_queries)) / static_cast<double>(k) * columns_norm / target_norm);
}

}  // namespace attnspec
