// Lemma 1 on the vectors of a head: rows of P, columns of V, and Gaussian and all-ones vectors for comparison.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "analysis/head_on_trial.hpp"
#include "analysis/trial_tally.hpp"
#include "analysis/verify_options.hpp"
#include "analysis/verify_row.hpp"
#include "lib/core/export.hpp"

namespace attnspec {

/// Vectors X [n, v] of one head as a head of their own, P = X^T and V = X, so that Theorem 1's form gives every
/// <Rx, Ry> - <x, y> at once; the diagonal is |Rx|^2 - |x|^2.
///
/// Readings, and what fails in a trial:
/// norm            |Rx| > (1 + epsilon) |x| (eq. 11): the first vector of its kind that is not zero; the law is the
/// same
///                 for every x
/// inner-relative  |<Rx, Ry> - <x, y>| > epsilon |<x, y>| (eq. 12 as 19 to 21 use it): the pair (row of P, y) with the
/// smallest
///                 |cosine|
/// inner-product   the same > epsilon |x| |y|: the pair with the largest |cosine|
class ATTNSPEC_API Lemma1Trial {
 public:
  /// Kinds: attention (rows of P, up to sixteen evenly spaced) and those of `asked`, where empty value (if the head has
  /// them), gaussian and ones.
  Lemma1Trial(const HeadInputs& inputs, const std::set<std::string>& asked, const VerifyOptions& options,
              Backend& backend);

  const Head& head() const { return head_; }
  const HeadCriteria& criteria() const { return criteria_; }

  /// Rows for every reading, kind, epsilon and k; construction c of the tally is the one for ks[c].
  std::vector<VerifyRow> rows(const TrialTally& tally, std::size_t head, const std::vector<std::size_t>& ks,
                              std::size_t head_dim) const;

 private:
  struct Question {
    std::string reading, kind, tested;
    double cosine = 1;
    std::size_t vectors = 0;  ///< of the kind
  };
  void add_norms(const std::string& kind, ColumnRange range);
  void add_pairs(const std::string& kind, ColumnRange range, bool relative);
  double cosine(std::size_t x, std::size_t y) const;
  std::string name_of_vector(std::size_t vector) const;

  const VerifyOptions& options_;
  Head head_;
  std::vector<std::size_t> query_rows_;  ///< which rows of P the first vectors are
  std::vector<std::string> kinds_;       ///< one a range
  std::vector<ColumnRange> ranges_;
  std::vector<double> norms_;
  HeadCriteria criteria_;  ///< one a question
  std::vector<Question> questions_;
};

}  // namespace attnspec
