// Rates with their intervals, and the order of rows.
#include "analysis/verify_rows.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <tuple>

namespace attnspec {
namespace {

/// The standard error over trials of the share of failing items.
std::optional<double> standard_error(const FailureCount& count, std::size_t trials, double items) {
  if (trials < 2) return std::nullopt;
  const auto t = static_cast<double>(trials), sum = static_cast<double>(count.items);
  const double variance = (static_cast<double>(count.items_squared) - sum * sum / t) / (t - 1);
  return std::sqrt(std::max(variance, 0.0) / t) / items;
}

constexpr std::array claims{"lemma1", "theorem1", "theorem2"};
constexpr std::array readings{"norm", "inner-relative", "inner-product", "relative", "rowwise", "as-quantified"};
constexpr std::array constructions{"paper", "gaussian", "zero", "mean", "svd", "pool", "rank-one"};
constexpr std::array columns{"attention", "value", "gaussian", "ones"};

template <std::size_t count>
std::size_t rank_in(const std::array<const char*, count>& order, const std::string& name) {
  return static_cast<std::size_t>(std::find(order.begin(), order.end(), std::string_view(name)) - order.begin());
}

}  // namespace

void take_counts(VerifyRow& row, const CountPlace& place, std::size_t epsilon, const VerifyOptions& options) {
  const FailureCount& count = place.tally->count(place.head, place.construction, place.criterion, epsilon);
  const std::size_t repeats = place.fixed ? options.trials : 1, trials = place.tally->trials();
  const auto items = static_cast<double>(place.items);
  row.trials = trials * repeats;
  row.failures = static_cast<std::size_t>(place.any ? count.any : count.tested) * repeats;
  row.failure_rate = static_cast<double>(row.failures) / static_cast<double>(row.trials);
  if (place.items > 0) row.row_failure_rate = static_cast<double>(count.items) / (items * static_cast<double>(trials));
  if (place.fixed) {
    row.exact_rate = row.failure_rate;
    row.interval = Interval{*row.failure_rate, *row.failure_rate};
    row.row_failure_se = 0;
    return;
  }
  row.interval = clopper_pearson(row.failures, row.trials, options.confidence);
  row.row_failure_se = standard_error(count, trials, items);
}

double fixed_rate(const CountPlace& place, std::size_t epsilon) {
  const FailureCount& count = place.tally->count(place.head, place.construction, place.criterion, epsilon);
  return (place.any ? count.any : count.tested) > 0 ? 1 : 0;
}

void take_rms(VerifyRow& row, const CountPlace& place, std::size_t group, double target_norm) {
  if (!(target_norm > 0)) return;
  const auto trials = static_cast<double>(place.tally->trials());
  const SquareSum sum = place.tally->squares(place.head, place.construction, group);
  const double mean = sum.squares / trials, rms = std::sqrt(mean) / target_norm;
  row.rms_relative_error = rms;
  if (place.fixed) row.rms_se = 0;
  if (place.fixed || place.tally->trials() < 2 || !(mean > 0)) return;
  const double variance = std::max(0.0, (sum.fourth_powers - trials * mean * mean) / (trials - 1));
  row.rms_se = rms * std::sqrt(variance / trials) / (2 * mean);  // of a square root, to first order
}

void judge_row(VerifyRow& row, std::optional<std::size_t> reduced_from, const VerifyOptions& options) {
  Evidence evidence;
  evidence.claimed_bound = row.claimed_bound.value_or(1);
  evidence.needs_reduction = reduced_from.has_value();
  evidence.n = reduced_from.value_or(row.n);
  evidence.k = row.k.value_or(0);
  evidence.failures = row.failures;
  evidence.trials = row.trials;
  evidence.confidence = options.confidence;
  evidence.exact_rate = row.exact_rate;
  evidence.exact_upper = row.exact_upper;
  evidence.zero_rate = row.zero_failure_rate;
  row.judgement = judge(evidence);
}

void sort_rows(std::vector<VerifyRow>& rows) {
  const auto key = [](const VerifyRow& row) {
    return std::make_tuple(rank_in(claims, row.claim), rank_in(readings, row.reading), std::string_view(row.reading),
                           rank_in(constructions, row.construction), rank_in(columns, row.columns), row.id,
                           row.epsilon.value_or(0), row.k.value_or(0), std::string_view(row.k_source));
  };
  std::stable_sort(rows.begin(), rows.end(), [&](const auto& a, const auto& b) { return key(a) < key(b); });
}

}  // namespace attnspec
