// From counts to lines of verify.csv.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "analysis/k_sweep.hpp"
#include "analysis/trial_tally.hpp"
#include "analysis/verify_options.hpp"
#include "analysis/verify_row.hpp"

namespace attnspec {

/// Where the counts of a row lie, and whether one item or any of them decides.
struct CountPlace {
  const TrialTally* tally = nullptr;
  std::size_t head = 0, construction = 0, criterion = 0;
  std::size_t items = 0;  ///< of the criterion
  bool any = false;       ///< a trial fails where any item does; else where the tested one does
  bool fixed = false;     ///< not random: one trial stands for all
};

/// Fills in what was measured: trials, failures, rates, interval. `row.epsilon` and `row.k` are set already.
void take_counts(VerifyRow& row, const CountPlace& place, std::size_t epsilon, const VerifyOptions& options);

/// The failure rate of a fixed construction: 0 or 1.
double fixed_rate(const CountPlace& place, std::size_t epsilon);

/// RMS over trials of |error|_F / |target|_F over a group of columns, with its standard error.
void take_rms(VerifyRow& row, const CountPlace& place, std::size_t group, double target_norm);

/// Judges the row by what stands in it, and writes the judgement into it. `reduced_from`: k must be below it for the
/// claim to say anything; empty: it always does.
void judge_row(VerifyRow& row, std::optional<std::size_t> reduced_from, const VerifyOptions& options);

/// The order of verify.csv: claim, reading, construction, columns, sample, layer, head, epsilon, k.
void sort_rows(std::vector<VerifyRow>& rows);

}  // namespace attnspec
