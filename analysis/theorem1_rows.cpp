// Theorem 1 on one head: relative as printed, rowwise as proven, and as quantified.
#include <algorithm>
#include <array>
#include <cmath>

#include "analysis/k_sweep.hpp"
#include "analysis/theorem_trial.hpp"
#include "lib/theory/lemma1.hpp"
#include "lib/theory/theorems.hpp"

namespace attnspec {
namespace {

constexpr std::array constructions_tried{"paper", "zero", "mean", "svd", "pool"};

/// "There exists a low-rank P~ for a given w": a matrix of rank one that knows w answers w exactly.
VerifyRow as_quantified(VerifyRow row) {
  row.reading = "as-quantified";
  row.construction = "rank-one";
  row.epsilon.reset();
  row.k = 1;
  row.k_source.clear();
  row.judgement = {Verdict::trivially_true,
                   "for a given w the rank-one matrix (P w) w^T / |w|^2 has no error at all; no attention in it"};
  return row;
}

/// The union bound over rows, each no worse than the one with the largest cosine: the exact rate of an inner product
/// rises with |cosine| for k >= 2 (tested on a grid; at k = 1 it does not).
std::optional<double> union_of_rows(std::size_t rows, std::size_t k, const ColumnFacts& facts, double epsilon) {
  if (k < 2) return std::nullopt;
  return std::min(1.0, static_cast<double>(rows) * inner_product_failure_rate(k, facts.largest_cosine, epsilon));
}

}  // namespace

void TheoremTrial::add_theorem1(const Counts& random, const RandomConstructions& constructions,
                                std::vector<VerifyRow>& rows) const {
  const std::size_t n = trial_.head.columns.rows(), queries = trial_.row_norms.size();
  for (std::size_t kind = 0; kind < trial_.columns.size(); ++kind) {
    const ColumnFacts& facts = trial_.columns[kind];
    for (std::size_t e = 0; e < options_.epsilons.size(); ++e) {
      const double epsilon = options_.epsilons[e];
      for (const SweptK& swept : k_sweep(Claim::theorem1, epsilon, n, head_dim_, options_.ks)) {
        VerifyRow row = row_of(Claim::theorem1, kind, swept, e);
        row.claimed_bound = theorem1_bound(queries, swept.k, epsilon);
        if (!std::isnan(facts.rho)) row.rho = facts.rho;
        for (const char* construction : constructions_tried) {
          const auto counts = counts_of(construction, Claim::theorem1, Form::linear, swept.k, random, constructions);
          const bool paper = construction == std::string("paper");
          if (!counts && !(paper && !swept.measured)) continue;
          for (const Failing failing : {Failing::relative, Failing::rowwise}) {
            VerifyRow one = row;
            one.construction = construction;
            one.reading = failing == Failing::relative ? "relative" : "rowwise";
            if (paper && failing == Failing::relative && row.rho) one.rms_predicted = theorem1_rms(*row.rho, swept.k);
            if (paper && failing == Failing::rowwise) one.exact_upper = union_of_rows(queries, swept.k, facts, epsilon);
            if (counts) {
              fill(one, *counts, kind, failing, failing == Failing::rowwise, e);
              if (failing == Failing::relative)
                take_rms(one, {counts->tally, counts->head, counts->construction, 0, 0, false, counts->fixed}, kind,
                         facts.target_norm);
            }
            judge_row(one, std::min(n, queries), options_);
            rows.push_back(std::move(one));
          }
        }
      }
    }
    if (options_.constructions.contains("paper")) {
      VerifyRow row = row_of(Claim::theorem1, kind, {}, 0);
      rows.push_back(as_quantified(std::move(row)));
    }
  }
}

}  // namespace attnspec
