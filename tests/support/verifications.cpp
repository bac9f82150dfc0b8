// Rates that fall with k, as a verification gives them.
#include "tests/support/verifications.hpp"

#include <cmath>
#include <utility>

namespace attnspec::test {

VerifyRow row_of(const std::string& claim, const std::string& reading, MatrixId id, double epsilon, std::size_t k,
                 double rate) {
  VerifyRow row;
  row.claim = claim;
  row.reading = reading;
  row.construction = "paper";
  row.columns = "value";
  row.id = id;
  row.n = 512;
  row.d = 32;
  row.epsilon = epsilon;
  row.k = k;
  row.k_source = "power-of-two";
  row.trials = 1000;
  row.failures = static_cast<std::size_t>(rate * 1000);
  row.failure_rate = rate;
  row.interval = Interval{rate / 2, (1 + rate) / 2};
  row.row_failure_rate = rate / 4;
  row.row_failure_se = 0.01;
  row.claimed_bound = 2 * std::exp(-static_cast<double>(k) / 64);
  row.judgement = {Verdict::holds, ""};
  return row;
}

DumpVerification dump_of(const std::vector<VerifyRow>& rows) {
  return {"dumps/some.h5", "m", {0.3, 0.5}, 1000, 0.95, rows};
}

/// Every claim and reading on a few heads, as verify gives them.
DumpVerification full_dump(const std::string& model, std::size_t layers, std::size_t heads, std::size_t n) {
  DumpVerification dump = dump_of({});
  dump.model = model;
  const std::vector<std::pair<std::string, std::string>> readings = {{"lemma1", "norm"},
                                                                     {"lemma1", "inner-product"},
                                                                     {"lemma1", "inner-relative"},
                                                                     {"theorem1", "relative"},
                                                                     {"theorem1", "rowwise"},
                                                                     {"theorem2", "softmax-row-frobenius"},
                                                                     {"theorem2", "softmax-row-spectral"}};
  for (const auto& [claim, reading] : readings)
    for (std::size_t h = 0; h < layers * heads; ++h)
      for (const double epsilon : dump.epsilons)
        for (std::size_t k = n > 16 ? 8 : 1; k < 2 * n; k *= 2) {
          const double x = static_cast<double>(k) / 64 * epsilon / (1 + static_cast<double>(h % 5));
          VerifyRow row = row_of(claim, reading, {0, h / heads, h % heads}, epsilon, k, std::exp(-x * x * 8));
          row.n = n;
          row.rho = 2 + static_cast<double>(h % 7);
          if (reading == "norm" || h % 2 == 0) row.exact_rate = row.failure_rate;
          if (k >= n) {
            row.k_source = "theorem1";
            row.trials = 0;
            row.failure_rate.reset();
            row.row_failure_rate.reset();
          } else if (reading == "relative") {
            row.rms_predicted = std::sqrt((1 + *row.rho * *row.rho) / static_cast<double>(k));
            row.rms_relative_error = *row.rms_predicted * (h % 2 == 0 ? 1.01 : 0.99);
          }
          if (claim != "lemma1") row.zero_failure_rate = claim == "theorem1" ? 1 : 0;
          dump.rows.push_back(row);
          row.construction = claim == "theorem1" ? "svd" : "gaussian";
          if (claim != "lemma1") dump.rows.push_back(row);
        }
  return dump;
}

std::vector<Figure> every_figure(const std::vector<DumpVerification>& dumps) {
  return {verify_claim_figure(dumps, "lemma1"), verify_claim_figure(dumps, "theorem1"),
          verify_claim_figure(dumps, "theorem2"), verify_rms_figure(dumps), verify_needed_k_figure(dumps)};
}

/// Nothing of Theorem 2 can be said on this dump.
DumpVerification not_applicable() {
  DumpVerification dump = full_dump("tiny", 1, 2, 64);
  for (VerifyRow& row : dump.rows) {
    row.judgement = {Verdict::not_applicable, "log P is not finite: 4 % of P is zero"};
    row.failure_rate = row.row_failure_rate = row.zero_failure_rate = row.rho = row.rms_relative_error = std::nullopt;
    row.epsilon = std::nullopt;
    row.trials = 0;
  }
  return dump;
}

}  // namespace attnspec::test
