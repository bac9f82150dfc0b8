// The ladder of verdicts, one rung after the other.
#include "analysis/verdict.hpp"

#include <fmt/format.h>

#include <cmath>
#include <initializer_list>

#include "lib/core/error.hpp"

namespace attnspec {
namespace {

constexpr std::string_view report = "a mistake of attnspec's, please report it";

/// As people write a rate: 0.425, 6.7e-4. Not "6.7e-04".
std::string rate_text(double rate, int digits = 3) {
  std::string text = fmt::format("{:.{}g}", rate, digits);
  const bool tiny = rate != 0 && std::abs(rate) < 1e-3;
  if (!tiny && text.find('e') == std::string::npos) return text;
  text = fmt::format("{:.{}e}", rate, digits - 1);
  const std::size_t e = text.find('e');
  std::string mantissa = text.substr(0, e);
  if (mantissa.find('.') != std::string::npos) mantissa.erase(mantissa.find_last_not_of('0') + 1);
  if (mantissa.back() == '.') mantissa.pop_back();
  return fmt::format("{}e{}", mantissa, std::stoi(text.substr(e + 1)));
}

/// Digits enough to tell two rates apart, so that no reason reads "0.42 is above 0.42".
int digits_apart(double one, double other) {
  int digits = 3;
  while (digits < 17 && one != other && rate_text(one, digits) == rate_text(other, digits)) ++digits;
  return digits;
}

std::string percent(double rate, int digits = 3) { return rate_text(100 * rate, digits) + " %"; }

/// "fails in 98.2 % of trials [97.1 %, 98.9 %], claimed at most 42.1 %"
std::string measured_text(const Evidence& evidence, const Interval& interval, double deciding) {
  const double rate = static_cast<double>(evidence.failures) / static_cast<double>(evidence.trials);
  const int digits = digits_apart(100 * deciding, 100 * evidence.claimed_bound);
  return fmt::format("fails in {} of trials [{}, {}], claimed at most {}", percent(rate), percent(interval.low, digits),
                     percent(interval.high, digits), percent(evidence.claimed_bound, digits));
}

/// "exact rate 0.425 is above 6.7e-4"
std::string compared_text(std::string_view name, double rate, std::string_view relation, double bound) {
  const int digits = digits_apart(rate, bound);
  return fmt::format("{} {} {} {}", name, rate_text(rate, digits), relation, rate_text(bound, digits));
}

std::optional<Judgement> vacuous(const Evidence& evidence) {
  if (evidence.claimed_bound >= 1)
    return Judgement{Verdict::vacuous, evidence.claimed_bound == 1
                                           ? "claimed bound is 1"
                                           : compared_text("claimed bound", evidence.claimed_bound, "is above", 1)};
  if (evidence.needs_reduction && evidence.k >= evidence.n)
    return Judgement{Verdict::vacuous, fmt::format("k = {} is not below n = {}", evidence.k, evidence.n)};
  return std::nullopt;
}

/// Rung 3: nothing is said of a paper on numbers that contradict each other.
std::optional<Judgement> mistaken(const Evidence& evidence) {
  for (const double rate : {evidence.claimed_bound, evidence.exact_rate.value_or(0), evidence.exact_upper.value_or(0),
                            evidence.zero_rate.value_or(0)})
    if (std::isnan(rate))
      return Judgement{Verdict::undecided, fmt::format("a bound or a rate is not a number: {}", report)};
  if (evidence.trials == 0 || !(evidence.exact_rate || evidence.exact_upper)) return std::nullopt;
  const Interval interval = clopper_pearson(evidence.failures, evidence.trials, consistency_confidence);
  const bool agrees =
      evidence.exact_rate ? interval.contains(*evidence.exact_rate) : interval.low <= *evidence.exact_upper;
  if (agrees) return std::nullopt;
  return Judgement{Verdict::undecided,
                   fmt::format("{} failures in {} trials do not fit the exact {} {}: one chance in a billion, or {}",
                               evidence.failures, evidence.trials, evidence.exact_rate ? "rate" : "upper bound",
                               rate_text(evidence.exact_rate ? *evidence.exact_rate : *evidence.exact_upper), report)};
}

std::optional<Judgement> trivially_true(const Evidence& evidence) {
  if (!evidence.zero_rate || *evidence.zero_rate > evidence.claimed_bound) return std::nullopt;
  const std::string how_often =
      *evidence.zero_rate > 0 ? "fails in " + percent(*evidence.zero_rate) + " of trials too" : "never fails";
  return Judgement{Verdict::trivially_true, "answering zero " + how_often};
}

/// Rungs 4, 6 and 7 without those between: what the best evidence says of the bound by itself.
Judgement compared(const Evidence& evidence) {
  const double bound = evidence.claimed_bound;
  if (evidence.exact_rate) {
    if (*evidence.exact_rate > bound)
      return {Verdict::violated, compared_text("exact rate", *evidence.exact_rate, "is above", bound)};
    return {Verdict::holds, compared_text("exact rate", *evidence.exact_rate, "<=", bound)};
  }
  if (evidence.exact_upper && *evidence.exact_upper <= bound)
    return {Verdict::holds, compared_text("sum of exact laws", *evidence.exact_upper, "<=", bound)};
  if (evidence.trials == 0) return {Verdict::undecided, "nothing was measured, and no exact law decides"};
  const Interval interval = clopper_pearson(evidence.failures, evidence.trials, evidence.confidence);
  if (interval.low > bound) return {Verdict::violated, measured_text(evidence, interval, interval.low)};
  if (interval.high <= bound) return {Verdict::holds, measured_text(evidence, interval, interval.high)};
  const int digits = digits_apart(interval.high, bound);
  return {Verdict::undecided, fmt::format("[{}, {}] reaches above {}; more trials would tell", percent(interval.low),
                                          percent(interval.high, digits), percent(bound, digits))};
}

}  // namespace

std::string_view name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::not_applicable: return "not-applicable";
    case Verdict::vacuous: return "vacuous";
    case Verdict::violated: return "violated";
    case Verdict::trivially_true: return "trivially-true";
    case Verdict::holds: return "holds";
    case Verdict::undecided: return "undecided";
  }
  throw Error(ErrorKind::internal, "a verdict without a name");
}

Judgement judge(const Evidence& evidence) {
  if (!evidence.not_applicable.empty()) return {Verdict::not_applicable, evidence.not_applicable};
  if (const auto said = vacuous(evidence)) return *said;
  if (const auto said = mistaken(evidence)) return *said;
  const Judgement said = compared(evidence);
  if (said.verdict == Verdict::violated) return said;
  if (const auto trivial = trivially_true(evidence)) return *trivial;
  return said;
}

}  // namespace attnspec
