// Theorem 2 on one head: exp and softmax, a row and all rows, Frobenius and spectral |V|.
#include <array>
#include <cmath>
#include <string>

#include "analysis/constructions.hpp"
#include "analysis/k_sweep.hpp"
#include "analysis/theorem_trial.hpp"
#include "lib/theory/quadratic_form.hpp"
#include "lib/theory/theorems.hpp"

namespace attnspec {
namespace {

constexpr std::array constructions_tried{"paper", "gaussian", "zero", "mean", "svd", "pool"};

struct Reading {
  Form form;
  bool all;  ///< rows at once
  Failing failing;

  std::string norm() const { return failing == Failing::frobenius ? "frobenius" : "spectral"; }
  std::string name() const {
    return (form == Form::softmax ? "softmax-" : "exp-") + std::string(all ? "all-" : "row-") + norm();
  }
};

std::vector<Reading> all_readings() {
  std::vector<Reading> readings;
  for (const Form form : {Form::exponential, Form::softmax})
    for (const bool all : {false, true})
      for (const Failing failing : {Failing::frobenius, Failing::spectral}) readings.push_back({form, all, failing});
  return readings;
}

double bound_of(const Reading& reading, const SweptK& swept, std::size_t queries, std::size_t d, double epsilon) {
  if (!reading.all) return theorem2_row_bound(d, swept.k, epsilon);
  if (swept.formula == PaperK::theorem2_proof_rank) return theorem2_rank_bound(d, swept.k, epsilon);
  return theorem2_all_bound(queries, d, swept.k, epsilon);
}

}  // namespace

/// Pr(|out_i - (P V)_i| > limit) at the tested row, exact in the limit delta -> 0: out_i = s 1^T R V, and 1^T R is a
/// vector of n independent standard normals, so out_i is Gaussian with covariance s^2 V^T V.
double TheoremTrial::limit_rate(const ColumnFacts& facts, Form form, std::size_t k, double limit) const {
  const std::size_t i = facts.tested_row;
  const double scale =
      form == Form::softmax ? 1 / static_cast<double>(k) : std::exp(-trial_.head.logits.value().log_sum[i]);
  // Weights of exp(-log_sum) may be beyond what squares can hold; the output is then nothing, or everything.
  constexpr double tiny = 1e-100, huge = 1e100;
  if (scale < tiny) return facts.row_target_norms[i] > limit ? 1 : 0;
  if (scale > huge) return facts.norm > 0 ? 1 : 0;
  double target_left = std::pow(facts.row_target_norms[i], 2);
  std::vector<double> lambda, shift;
  for (std::size_t p = 0; p < facts.variances.size(); ++p) {
    if (!(facts.variances[p] > 0)) continue;
    double along = 0;
    for (std::size_t j = 0; j < facts.range.size(); ++j)
      along += trial_.head.target(i, facts.range.first + j) * facts.directions(p, j);
    target_left -= along * along;
    lambda.push_back(scale * scale * facts.variances[p]);
    shift.push_back(along / (scale * std::sqrt(facts.variances[p])));
  }
  // What of the target no output reaches: zero but for rounding, since P V lies in the span of V's rows.
  return quadratic_form_tail(lambda, shift, limit * limit - std::max(target_left, 0.0));
}

void TheoremTrial::add_theorem2(const Counts& random, const RandomConstructions& constructions,
                                std::vector<VerifyRow>& rows) const {
  const std::size_t n = trial_.head.columns.rows(), queries = trial_.row_norms.size();
  for (std::size_t kind = 0; kind < trial_.columns.size(); ++kind) {
    const ColumnFacts& facts = trial_.columns[kind];
    for (std::size_t e = 0; e < options_.epsilons.size(); ++e) {
      const double epsilon = options_.epsilons[e];
      for (const SweptK& swept : k_sweep(Claim::theorem2, epsilon, n, head_dim_, options_.ks))
        for (const Reading& reading : all_readings()) {
          VerifyRow row = row_of(Claim::theorem2, kind, swept, e);
          row.reading = reading.name();
          row.norm = reading.norm();
          row.logits = trial_.logits_source;
          row.claimed_bound = bound_of(reading, swept, queries, row.d, epsilon);
          const double columns_norm = reading.failing == Failing::frobenius ? facts.norm : facts.spectral_norm;
          for (const std::string construction : constructions_tried) {
            const auto counts = counts_of(construction, Claim::theorem2, reading.form, swept.k, random, constructions);
            const bool paper = construction == "paper";
            if (!counts && !(paper && !swept.measured)) continue;
            VerifyRow one = row;
            one.construction = construction;
            if (paper) one.delta = name_of(options_.delta, n);
            if (counts) {
              fill(one, *counts, kind, reading.failing, reading.all, e);
              if (reading.form == Form::softmax)
                take_rms(one, {counts->tally, counts->head, counts->construction, 0, 0, false, counts->fixed}, kind,
                         facts.target_norm);
              if (paper && in_the_limit_ && !reading.all)
                one.exact_rate = limit_rate(facts, reading.form, swept.k,
                                            epsilon * trial_.row_norms[facts.tested_row] * columns_norm);
              if (paper && in_the_limit_ && reading.form == Form::softmax && facts.target_norm > 0)
                one.rms_predicted = theorem2_limit_rms(queries, swept.k, facts.norm, facts.target_norm);
            }
            judge_row(one, n, options_);
            rows.push_back(std::move(one));
          }
        }
    }
  }
}

void TheoremTrial::add_not_applicable(std::vector<VerifyRow>& rows) const {
  for (std::size_t kind = 0; kind < trial_.columns.size(); ++kind)
    for (const Reading& reading : all_readings())
      for (const std::string construction : {"paper", "gaussian"}) {
        if (!options_.constructions.contains(construction)) continue;
        VerifyRow row = row_of(Claim::theorem2, kind, {}, 0);
        row.reading = reading.name();
        row.norm = reading.norm();
        row.construction = construction;
        row.epsilon.reset();
        row.k.reset();
        row.k_source.clear();
        row.judgement = {Verdict::not_applicable, trial_.no_logits_reason};
        rows.push_back(std::move(row));
      }
}

}  // namespace attnspec
