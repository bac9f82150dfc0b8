// One line of verify.csv: a claim, read one way, of one construction, on one head, at one epsilon and k.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "analysis/verdict.hpp"
#include "lib/core/matrix_batch.hpp"

namespace attnspec {

/// Empty optionals and strings have no meaning for the row. Rates are per trial, a trial being one R.
struct VerifyRow {
  std::string claim;         ///< lemma1, theorem1, theorem2
  std::string reading;       ///< norm, inner-relative, relative, rowwise, softmax-row-frobenius, ...
  std::string construction;  ///< paper, gaussian, zero, mean, svd, pool, rank-one
  std::string columns;       ///< value, gaussian, ones; for Lemma 1 also attention (rows of P)
  std::string norm;          ///< of V in Theorem 2: frobenius, spectral
  std::string delta;         ///< Theorem 2, paper: "2^-n", "2^-n (its limit, 0)", "1/n", a number
  std::string logits;        ///< Theorem 2: qk, log_p
  MatrixId id;
  std::size_t n = 0;  ///< columns of P
  std::size_t d = 0;  ///< columns w that are tested together
  std::optional<double> epsilon;
  std::optional<std::size_t> k;
  std::string k_source;  ///< given, power-of-two, or the paper's formula by name
  std::size_t trials = 0, failures = 0;
  std::optional<double> failure_rate;
  std::optional<Interval> interval;
  std::optional<double> row_failure_rate, row_failure_se;  ///< share of all rows (columns, pairs) that fail, its s.e.
  std::optional<double> claimed_bound, exact_rate, zero_failure_rate;
  std::optional<double> rms_relative_error, rms_predicted, rho;
  Judgement judgement;
  std::string tested;                 ///< whose failures are counted: "column 17", "row 3", "row 3, column 17"
  std::optional<double> rms_se;       ///< standard error of rms_relative_error over trials
  std::optional<double> exact_upper;  ///< an upper bound of the rate, by a sum of exact laws
};

/// One dump's part of a verification.
struct DumpVerification {
  std::string dump, model;
  std::vector<double> epsilons;  ///< rising
  std::size_t trials = 0;
  double confidence = 0.95;
  std::vector<VerifyRow> rows;  ///< by claim, reading, construction, columns, sample, layer, head, epsilon, k
};

}  // namespace attnspec
