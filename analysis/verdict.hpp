// From a claimed bound, an exact law and a measurement to one word: does the claim hold?
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "lib/core/export.hpp"
#include "lib/theory/proportion.hpp"

namespace attnspec {

enum class Verdict { not_applicable, vacuous, violated, trivially_true, holds, undecided };

/// "not-applicable", "vacuous", "violated", "trivially-true", "holds", "undecided".
ATTNSPEC_API std::string_view name_of(Verdict verdict);

/// All that is known of one claim on one head.
struct Evidence {
  std::string not_applicable;    ///< why the claim means nothing here; empty where it does
  double claimed_bound = 1;      ///< on the failure rate
  bool needs_reduction = false;  ///< k >= n says nothing (the theorems; Lemma 1 allows it)
  std::size_t n = 0, k = 0;
  std::size_t failures = 0, trials = 0;  ///< trials = 0: nothing was measured
  double confidence = 0.95;              ///< of the interval that decides
  std::optional<double> exact_rate;      ///< of the failure that was counted
  std::optional<double> exact_upper;     ///< a proven upper bound of it, by a sum of exact laws
  std::optional<double> zero_rate;       ///< the zero output's; empty where answering zero is no answer (Lemma 1)
};

struct Judgement {
  Verdict verdict = Verdict::undecided;
  std::string reason;  ///< in a few words: the number that decided
};

/// The first that applies:
/// not-applicable; vacuous (bound >= 1, or k >= n where a reduction is claimed); violated (the interval or the exact
/// rate above the bound); trivially-true (answering zero fails no more often than the bound); holds (exact rate, or its
/// upper bound, at or below the claim, and the measurement consistent with it; without a law the whole interval at or
/// below); undecided. The measurement is held to the exact law at `consistency_confidence`: it tests this program, not
/// the paper, and thousands of rows are compared.
ATTNSPEC_API Judgement judge(const Evidence& evidence);

inline constexpr double consistency_confidence = 1 - 1e-6;

}  // namespace attnspec
