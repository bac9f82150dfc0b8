// One claim, read one way, at one epsilon and k: what came out on all heads of a dump.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "analysis/verify_row.hpp"

namespace attnspec {

/// Where a claim is judged for a reader who wants one answer.
struct JudgedAt {
  double epsilon = 0;
  std::size_t k = 0;
  std::string source;  ///< of k, as in VerifyRow
};

/// The rows of a claim at the n that most of its rows have: the paper's construction, V's columns where there are any.
std::vector<const VerifyRow*> rows_of_claim(const DumpVerification& dump, const std::string& claim);

/// The largest epsilon at which the paper's own k is below n and was tried, with that k: Theorem 1's for Lemma 1 as
/// well, for Theorem 2 its proof's (eq. 24). Else the largest epsilon and the largest k tried below n, or at all.
/// Nothing where nothing was measured.
std::optional<JudgedAt> judged_at(const std::vector<const VerifyRow*>& claim);

struct ReadingTally {
  std::vector<const VerifyRow*> rows;  ///< one a head and sample
  std::map<Verdict, std::size_t> count;

  std::size_t of(Verdict verdict) const;
  /// Violated where any head is, else the verdict of most heads.
  Verdict verdict() const;
  /// The row with the highest rate among those with this verdict.
  const VerifyRow& worst(Verdict verdict) const;
};

/// A reading has no rows where it was not tried. Rows without an epsilon count at any.
ReadingTally tally_of(const std::vector<const VerifyRow*>& claim, const std::string& reading, const JudgedAt& at);

/// The readings of a claim, in the order of the rows.
std::vector<std::string> readings_of(const std::vector<const VerifyRow*>& claim);

/// The exact rate where there is one, else the measured one, else 0.
double rate_of(const VerifyRow& row);

/// The middle one, the lower of two; `values` is not empty.
double median(std::vector<double> values);

}  // namespace attnspec
