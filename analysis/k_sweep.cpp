// Powers of two, and the paper's formulas.
#include "analysis/k_sweep.hpp"

#include <algorithm>
#include <cmath>
#include <set>

namespace attnspec {
namespace {

std::vector<PaperK> formulas_of(Claim claim, std::size_t head_dim) {
  if (claim != Claim::theorem2) return {PaperK::theorem1};
  if (head_dim == 0) return {};
  return {PaperK::theorem2_statement, PaperK::theorem2_proof_tokens, PaperK::theorem2_proof_rank};
}

}  // namespace

std::vector<SweptK> k_sweep(Claim claim, double epsilon, std::size_t n, std::size_t head_dim,
                            const std::vector<std::size_t>& given) {
  std::vector<SweptK> sweep;
  for (const std::size_t k : given) sweep.push_back({k, "given", {}, true});
  if (!given.empty()) return sweep;
  for (const PaperK formula : formulas_of(claim, head_dim)) {
    const double exact = std::ceil(paper_k(formula, n, head_dim, epsilon));
    if (!(exact >= 1) || exact > 1e9) continue;  // n = 1 or d = 1 ask for nothing
    const auto k = static_cast<std::size_t>(exact);
    if (k >= n && claim == Claim::lemma1) continue;  // Lemma 1 is stated for k <= n
    sweep.push_back({k, std::string(name_of(formula)), formula, k < n});
  }
  for (std::size_t k = n > 16 ? 8 : 1; k < n; k *= 2)
    if (std::none_of(sweep.begin(), sweep.end(), [k](const SweptK& swept) { return swept.k == k; }))
      sweep.push_back({k, "power-of-two", {}, true});
  std::stable_sort(sweep.begin(), sweep.end(), [](const SweptK& a, const SweptK& b) { return a.k < b.k; });
  return sweep;
}

std::vector<std::size_t> measured_ks(Claim claim, const std::vector<double>& epsilons, std::size_t n,
                                     std::size_t head_dim, const std::vector<std::size_t>& given) {
  std::set<std::size_t> ks;
  for (const double epsilon : epsilons)
    for (const SweptK& swept : k_sweep(claim, epsilon, n, head_dim, given))
      if (swept.measured) ks.insert(swept.k);
  return {ks.begin(), ks.end()};
}

}  // namespace attnspec
