// The ladder of verdicts, rung by rung, and what can never happen on it.
#include <catch2/catch.hpp>

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "analysis/verdict.hpp"
#include "lib/theory/lemma1.hpp"

using namespace attnspec;

namespace {

const double no_value = std::nan("");

Evidence measured(double bound, std::size_t failures, std::size_t trials) {
  Evidence evidence;
  evidence.claimed_bound = bound;
  evidence.failures = failures;
  evidence.trials = trials;
  return evidence;
}

Evidence lawful(double bound, double exact, std::size_t failures = 0, std::size_t trials = 0) {
  Evidence evidence = measured(bound, failures, trials);
  evidence.exact_rate = exact;
  return evidence;
}

Evidence bounded(double bound, double upper, std::size_t failures = 0, std::size_t trials = 0) {
  Evidence evidence = measured(bound, failures, trials);
  evidence.exact_upper = upper;
  return evidence;
}

Evidence with_zero(Evidence evidence, double zero) {
  evidence.zero_rate = zero;
  return evidence;
}

Evidence reducing(Evidence evidence, std::size_t k, std::size_t n) {
  evidence.needs_reduction = true;
  evidence.k = k;
  evidence.n = n;
  return evidence;
}

Evidence senseless(Evidence evidence, const std::string& why) {
  evidence.not_applicable = why;
  return evidence;
}

struct Case {
  Evidence evidence;
  Verdict verdict;
  std::string reason;
};

void check(const std::vector<Case>& cases) {
  for (const Case& one : cases) {
    const Judgement judgement = judge(one.evidence);
    CAPTURE(one.reason, judgement.reason);
    CHECK(name_of(judgement.verdict) == name_of(one.verdict));
    CHECK(judgement.reason == one.reason);
  }
}

const std::string unfit = ": one chance in a billion, or a mistake of attnspec's, please report it";
const std::string no_number = "a bound or a rate is not a number: a mistake of attnspec's, please report it";

}  // namespace

TEST_CASE("each rung of the ladder, with its reason") {
  check({
      {senseless(measured(.5, 0, 100), "A is not finite"), Verdict::not_applicable, "A is not finite"},

      {measured(1.68, 0, 100'000), Verdict::vacuous, "claimed bound 1.68 is above 1"},
      {measured(65536, 0, 100'000), Verdict::vacuous, "claimed bound 6.55e4 is above 1"},
      {measured(1 + 1e-9, 0, 100'000), Verdict::vacuous, "claimed bound 1.000000001 is above 1"},
      {measured(1, 0, 100'000), Verdict::vacuous, "claimed bound is 1"},
      {reducing(measured(.4, 0, 1000), 3466, 512), Verdict::vacuous, "k = 3466 is not below n = 512"},

      {measured(.421, 982, 1000), Verdict::violated,
       "fails in 98.2 % of trials [97.2 %, 98.9 %], claimed at most 42.1 %"},
      {lawful(6.7e-4, .425, 430, 1000), Verdict::violated, "exact rate 0.425 is above 6.7e-4"},
      {lawful(.1, .1000001), Verdict::violated, "exact rate 0.1000001 is above 0.1"},

      {with_zero(lawful(.3, .2), 0), Verdict::trivially_true, "answering zero never fails"},
      {with_zero(lawful(.3, .2), .25), Verdict::trivially_true, "answering zero fails in 25 % of trials too"},

      {lawful(6.7e-4, 3.1e-9, 0, 1000), Verdict::holds, "exact rate 3.1e-9 <= 6.7e-4"},
      {bounded(.42, .012, 3, 1000), Verdict::holds, "sum of exact laws 0.012 <= 0.42"},
      {with_zero(measured(.421, 12, 1000), 1), Verdict::holds,
       "fails in 1.2 % of trials [0.622 %, 2.09 %], claimed at most 42.1 %"},

      {measured(8.3e-4, 0, 1000), Verdict::undecided, "[0 %, 0.368 %] reaches above 0.083 %; more trials would tell"},
      {measured(.5, 0, 0), Verdict::undecided, "nothing was measured, and no exact law decides"},
      {lawful(.5, .01, 200, 1000), Verdict::undecided,
       "200 failures in 1000 trials do not fit the exact rate 0.01" + unfit},
      {bounded(.5, 9.9999e-4, 200, 1000), Verdict::undecided,
       "200 failures in 1000 trials do not fit the exact upper bound 1e-3" + unfit},
  });
}

TEST_CASE("the higher rung is taken") {
  const Evidence contradiction = lawful(.5, .01, 999, 1000);
  const Evidence violation = lawful(.1, .2, 200, 1000);
  CHECK(judge(senseless(measured(2, 0, 10), "no")).verdict == Verdict::not_applicable);
  CHECK(judge(lawful(1.5, .01, 999, 1000)).verdict == Verdict::vacuous);
  CHECK(judge(reducing(contradiction, 8, 8)).verdict == Verdict::vacuous);
  CHECK(judge(lawful(.001, .01, 999, 1000)).verdict == Verdict::undecided);  // not violated: the law is in doubt
  CHECK(judge(with_zero(contradiction, 0)).verdict == Verdict::undecided);
  CHECK(judge(with_zero(violation, 0)).verdict == Verdict::violated);
  CHECK(judge(with_zero(measured(8.3e-4, 0, 1000), 0)).verdict == Verdict::trivially_true);
  CHECK(judge(with_zero(measured(.5, 0, 0), .5)).verdict == Verdict::trivially_true);
}

TEST_CASE("borders belong to the claim") {
  CHECK(judge(lawful(.1, .1)).verdict == Verdict::holds);
  CHECK(judge(lawful(.1, std::nextafter(.1, 1))).verdict == Verdict::violated);
  CHECK(judge(bounded(.1, .1)).verdict == Verdict::holds);
  CHECK(judge(bounded(.1, std::nextafter(.1, 1))).verdict == Verdict::undecided);
  CHECK(judge(with_zero(lawful(.1, .1), .1)).verdict == Verdict::trivially_true);
  CHECK(judge(with_zero(lawful(.1, .1), std::nextafter(.1, 1))).verdict == Verdict::holds);
  CHECK(judge(reducing(lawful(.1, .1), 7, 8)).verdict == Verdict::holds);
  CHECK(judge(reducing(lawful(.1, .1), 8, 8)).verdict == Verdict::vacuous);
  Evidence lemma = lawful(.1, .1);
  lemma.k = 8, lemma.n = 8;
  CHECK(judge(lemma).verdict == Verdict::holds);  // Lemma 1 allows it

  const Interval interval = clopper_pearson(50, 1000, .95);
  CHECK(judge(measured(interval.high, 50, 1000)).verdict == Verdict::holds);
  CHECK(judge(measured(std::nextafter(interval.high, 0), 50, 1000)).verdict == Verdict::undecided);
  CHECK(judge(measured(interval.low, 50, 1000)).verdict == Verdict::undecided);
  CHECK(judge(measured(std::nextafter(interval.low, 0), 50, 1000)).verdict == Verdict::violated);
  Evidence surer = measured(interval.high, 50, 1000);
  surer.confidence = .99;
  CHECK(judge(surer).verdict == Verdict::undecided);

  const Interval consistent = clopper_pearson(50, 1000, consistency_confidence);
  CHECK(judge(lawful(.5, consistent.high, 50, 1000)).verdict == Verdict::holds);
  CHECK(judge(lawful(.5, std::nextafter(consistent.high, 1), 50, 1000)).verdict == Verdict::undecided);
  CHECK(judge(lawful(.5, consistent.low, 50, 1000)).verdict == Verdict::holds);
  CHECK(judge(lawful(.5, std::nextafter(consistent.low, 0), 50, 1000)).verdict == Verdict::undecided);
  CHECK(judge(bounded(.5, consistent.low, 50, 1000)).verdict == Verdict::holds);
  CHECK(judge(bounded(.5, std::nextafter(consistent.low, 0), 50, 1000)).verdict == Verdict::undecided);
}

TEST_CASE("where a law decides, the interval does not") {
  // 67 of 1000 where 0.05 is true: the 95 % interval is above the bound 0.0505, as for one such claim in a hundred.
  REQUIRE(clopper_pearson(67, 1000, .95).low > .0505);
  CHECK(judge(lawful(.0505, .05, 67, 1000)).verdict == Verdict::holds);
  CHECK(judge(bounded(.0505, .05, 67, 1000)).verdict == Verdict::holds);
  CHECK(judge(measured(.0505, 67, 1000)).verdict == Verdict::violated);
  // And the other way round.
  REQUIRE(clopper_pearson(35, 1000, .95).high < .0495);
  CHECK(judge(lawful(.0495, .05, 35, 1000)).verdict == Verdict::violated);
  CHECK(judge(measured(.0495, 35, 1000)).verdict == Verdict::holds);
}

TEST_CASE("an upper bound above the claim proves nothing, and the measurement decides") {
  CHECK(judge(bounded(.1, 3.5, 0, 1000)).verdict == Verdict::holds);
  CHECK(judge(bounded(.1, 3.5, 900, 1000)).verdict == Verdict::violated);
  CHECK(judge(bounded(.1, 3.5, 100, 1000)).verdict == Verdict::undecided);
  CHECK(judge(bounded(.1, .9, 0, 0)).verdict == Verdict::undecided);
}

TEST_CASE("what is not a number is our mistake, and decides nothing") {
  check({{measured(no_value, 0, 1000), Verdict::undecided, no_number},
         {lawful(.1, no_value, 0, 1000), Verdict::undecided, no_number},
         {bounded(.1, no_value, 0, 1000), Verdict::undecided, no_number},
         {with_zero(lawful(.1, .01), no_value), Verdict::undecided, no_number}});
}

TEST_CASE("no claim holds that answering zero also meets") {
  std::mt19937_64 bits(11);
  std::uniform_real_distribution<double> uniform;
  std::size_t holding = 0;
  for (int i = 0; i < 50'000; ++i) {
    Evidence evidence;
    evidence.claimed_bound = std::pow(10.0, .5 - 4 * uniform(bits));
    evidence.trials = bits() % 3 == 0 ? 0 : bits() % 2000;
    const double rate = std::pow(uniform(bits), 6);
    if (evidence.trials > 0) evidence.failures = std::binomial_distribution<std::size_t>(evidence.trials, rate)(bits);
    if (bits() % 2 == 0) evidence.exact_rate = rate;
    if (bits() % 2 == 0) evidence.exact_upper = rate * (1 + uniform(bits));
    evidence.needs_reduction = bits() % 2 == 0;
    evidence.n = 512, evidence.k = bits() % 600;
    const bool holds = judge(evidence).verdict == Verdict::holds;
    holding += holds ? 1 : 0;

    evidence.zero_rate = evidence.claimed_bound * (bits() % 4 == 0 ? 1 : uniform(bits));
    CAPTURE(i, evidence.claimed_bound, rate, *evidence.zero_rate);
    REQUIRE(judge(evidence).verdict != Verdict::holds);
    // And a zero output that fails more often changes nothing.
    evidence.zero_rate = evidence.claimed_bound * (1 + 1e-9 + uniform(bits));
    REQUIRE((judge(evidence).verdict == Verdict::holds) == holds);
  }
  REQUIRE(holding > 5000);  // the sweep reaches what it forbids
}

TEST_CASE("verdicts have the names of verify.csv") {
  const std::vector<std::string> names{"not-applicable", "vacuous", "violated", "trivially-true", "holds", "undecided"};
  for (std::size_t i = 0; i < names.size(); ++i) CHECK(name_of(static_cast<Verdict>(i)) == names[i]);
}

// 1000 measurements of 500 trials each. Coverage is at least 95 %, so that fewer than 912 intervals with the exact rate
// in them have a probability below 1e-6. At the confidence of consistency none misses it, but with probability 1e-3.
// The seed is fixed.
TEST_CASE("simulated trials of Lemma 1 contain its exact rate as often as promised") {
  constexpr std::size_t repetitions = 1000, trials = 500;
  constexpr double epsilon = .3;
  constexpr std::size_t k = 16;
  std::mt19937_64 bits(12);
  std::chi_squared_distribution<double> chi_square(static_cast<double>(k));
  const double exact = squared_norm_failure_rate(k, epsilon);
  std::size_t containing = 0;
  for (std::size_t i = 0; i < repetitions; ++i) {
    std::size_t failures = 0;
    for (std::size_t trial = 0; trial < trials; ++trial)
      if (std::abs(chi_square(bits) / static_cast<double>(k) - 1) > epsilon) ++failures;
    if (clopper_pearson(failures, trials, .95).contains(exact)) ++containing;
    REQUIRE(judge(lawful(exact, exact, failures, trials)).verdict == Verdict::holds);
  }
  REQUIRE(containing >= 912);
  REQUIRE(containing <= 995);  // nor is it so wide as to say nothing: 956 are expected here
}
