// Which series each claim has, and the middle and the range of its heads.
#include "analysis/writers/verify_series.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

namespace attnspec {
namespace {

constexpr const char* dark = "440154";
constexpr const char* middle = "21818c";
constexpr const char* light = "5db845";
constexpr const char* zero_colour = "f0b400";
constexpr const char* grey = "909090";

std::optional<double> rate_of(const VerifyRow& row, Rate rate) {
  switch (rate) {
    case Rate::tested: return row.failure_rate;
    case Rate::share: return row.row_failure_rate ? row.row_failure_rate : row.failure_rate;
    case Rate::zero: return row.trials > 0 ? row.zero_failure_rate : std::nullopt;
  }
  return std::nullopt;
}

SeriesPoint point_of(std::size_t k, std::vector<const VerifyRow*> rows, Rate rate) {
  // Ties, most of them at 0 and 1, are broken by the exact law, so that the head drawn is in the middle by it as well.
  const auto order = [&](const VerifyRow* row) {
    return std::tuple(*rate_of(*row, rate), row->exact_rate.value_or(0), row->id);
  };
  std::sort(rows.begin(), rows.end(), [&](auto* a, auto* b) { return order(a) < order(b); });
  const VerifyRow& head = *rows[(rows.size() - 1) / 2];
  SeriesPoint point{.k = k, .heads = rows.size(), .rate = *rate_of(head, rate)};
  point.least = *rate_of(*rows.front(), rate);
  point.most = *rate_of(*rows.back(), rate);
  point.claimed = head.claimed_bound;
  if (rate == Rate::tested) {
    if (head.interval && head.trials > 0)
      std::tie(point.low, point.high) = std::tuple(head.interval->low, head.interval->high);
    point.exact = head.exact_rate;
  } else if (rate == Rate::share && head.row_failure_se) {
    point.low = std::max(0.0, point.rate - 2 * *head.row_failure_se);
    point.high = std::min(1.0, point.rate + 2 * *head.row_failure_se);
  }
  return point;
}

/// A power of two that the plot could not tell from one of the paper's k's: 256 beside 250.
bool hides_behind(const VerifyRow& row, const std::vector<PaperMark>& marks) {
  constexpr double closest = 0.06;
  const auto is_near = [&](const PaperMark& mark) {
    const double own = static_cast<double>(*row.k), paper = static_cast<double>(mark.k);
    return mark.k < row.n && std::abs(own - paper) < closest * paper;
  };
  return row.k_source == "power-of-two" && std::any_of(marks.begin(), marks.end(), is_near);
}

/// Rows of one head that differ only in where their k comes from are one measurement.
std::map<std::size_t, std::vector<const VerifyRow*>> rows_by_k(const VerifyPanel& panel, const SeriesRule& rule) {
  std::vector<const VerifyRow*> rows;
  for (const VerifyRow* row : panel.rows)
    if (row->reading == rule.reading && row->construction == rule.construction) rows.push_back(row);
  std::map<std::size_t, std::vector<const VerifyRow*>> by_k;
  const std::vector<PaperMark> marks = paper_marks(panel.rows);
  for (const VerifyRow* row : of_one_kind(rows)) {
    if (!row->k || !rate_of(*row, rule.rate) || hides_behind(*row, marks)) continue;
    std::vector<const VerifyRow*>& heads = by_k[*row->k];
    const auto is_same = [&](const VerifyRow* other) { return other->id == row->id; };
    if (std::none_of(heads.begin(), heads.end(), is_same)) heads.push_back(row);
  }
  return by_k;
}

}  // namespace

std::vector<SeriesRule> series_rules(std::string_view claim) {
  if (claim == "lemma1")
    return {{"norm", "paper", Rate::tested, "eq. (11): |Rx| against |x|", dark, 7},
            {"inner-product", "paper", Rate::tested, "eq. (12) with ε |x| |y|", middle, 5},
            {"inner-relative", "paper", Rate::tested, "eq. (12) with ε |x·y|", light, 9}};
  if (claim == "theorem1")
    return {{"relative", "paper", Rate::zero, "answering zero", zero_colour, 0, 3},
            {"relative", "svd", Rate::share, "truncated SVD of rank k", grey, 0, 1},
            {"relative", "paper", Rate::share, "eq. (5): all columns ± 2 s.e.", dark, 6},
            {"relative", "paper", Rate::tested, "eq. (5): the tested column", dark, 7},
            {"rowwise", "paper", Rate::tested, "each row within ε |p| |w|", middle, 5}};
  if (claim != "theorem2") return {};
  std::vector<SeriesRule> rules;
  for (const std::string reading : {"softmax-row-frobenius", "softmax-row-spectral"}) {
    rules.push_back({reading, "paper", Rate::zero, "answering zero", zero_colour, 13, 3});
    rules.push_back({reading, "paper", Rate::tested, "E, F of the proof", dark, 7});
    rules.push_back({reading, "gaussian", Rate::tested, "E = F = R", middle, 5});
  }
  return rules;
}

std::string name_of(const SeriesRule& rule) {
  const std::string name = rule.reading + "/" + rule.construction;
  return rule.rate == Rate::share ? name + "/share" : rule.rate == Rate::zero ? rule.reading + "/zero" : name;
}

std::vector<Series> series_of(const VerifyPanel& panel, const std::vector<SeriesRule>& rules) {
  std::vector<Series> found;
  for (const SeriesRule& rule : rules) {
    Series series{rule, {}};
    for (const auto& [k, heads] : rows_by_k(panel, rule)) series.points.push_back(point_of(k, heads, rule.rate));
    if (!series.points.empty()) found.push_back(std::move(series));
  }
  return found;
}

std::vector<BoundPoint> bound_curve(const Series& series) {
  constexpr int steps = 24;
  std::vector<BoundPoint> curve;
  std::optional<BoundPoint> before;
  for (const SeriesPoint& point : series.points) {
    if (!point.claimed || *point.claimed <= 0) continue;
    const BoundPoint here{static_cast<double>(point.k), *point.claimed};
    // A bound cut off at 1 is no point of the straight line.
    const int first = before && before->bound != 1 ? 1 : steps;
    for (int i = first; i < steps; ++i) {
      const double part = static_cast<double>(i) / steps;
      curve.push_back(
          {before->k + part * (here.k - before->k), before->bound * std::pow(here.bound / before->bound, part)});
    }
    curve.push_back(here);
    before = here;
  }
  return curve;
}

}  // namespace attnspec
