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

/// All that is known of one claim on one head. Rates are per trial.
struct Evidence {
  std::string not_applicable;    ///< why the claim means nothing here; empty where it does
  double claimed_bound = 1;      ///< on the failure rate
  bool needs_reduction = false;  ///< k >= n says nothing (the theorems; Lemma 1 allows it)
  std::size_t n = 0, k = 0;
  std::size_t failures = 0, trials = 0;  ///< trials = 0: nothing was measured
  double confidence = 0.95;              ///< of the interval that decides where no exact law does
  std::optional<double> exact_rate;      ///< of the failure that was counted
  std::optional<double> exact_upper;     ///< an upper bound of it, by a sum of exact laws; may be above 1
  std::optional<double> zero_rate;       ///< the zero output's; empty where answering zero is no answer (Lemma 1)
};

struct Judgement {
  Verdict verdict = Verdict::undecided;
  std::string reason;  ///< in a few words: the number that decided
};

/// The first that applies:
///  1. not-applicable;
///  2. vacuous: the claimed bound is 1 or more, or k >= n where a reduction is claimed;
///  3. undecided, as a mistake of ours to be reported: a rate is not a number, or the measurement and the exact law do
///     not agree. The Clopper-Pearson interval at `consistency_confidence` must contain the exact rate, or begin at or
///     below its upper bound. That tests this program, not the paper, on thousands of rows: hence the confidence;
///  4. violated: the exact rate is above the bound. Where there is neither an exact rate nor an upper bound at or below
///     the claim, the whole interval at `confidence` is above it. Where a law decides, the interval does not: one true
///     claim in twenty would miss it;
///  5. trivially-true: answering zero fails no more often than the bound. No claim holds that the zero output meets;
///  6. holds: the exact rate, or else its upper bound, is at or below the claim; without these the whole interval is;
///  7. undecided.
/// With no trials the exact laws decide alone.
ATTNSPEC_API Judgement judge(const Evidence& evidence);

/// At which a measurement must agree with its exact law.
inline constexpr double consistency_confidence = 1 - 1e-9;

}  // namespace attnspec
