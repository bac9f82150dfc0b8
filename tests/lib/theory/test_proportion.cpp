// Clopper-Pearson: published digits, borders, and the equation that defines it.
#include <catch2/catch.hpp>

#include <cmath>

#include <boost/math/distributions/binomial.hpp>

#include "lib/core/error.hpp"
#include "lib/theory/proportion.hpp"

using namespace attnspec;

namespace {

double at_most(std::size_t failures, std::size_t trials, double rate) {
  return cdf(boost::math::binomial_distribution<double>(static_cast<double>(trials), rate),
             static_cast<double>(failures));
}

double at_least(std::size_t failures, std::size_t trials, double rate) {
  const boost::math::binomial_distribution<double> law(static_cast<double>(trials), rate);
  return cdf(complement(law, static_cast<double>(failures) - 1));
}

}  // namespace

TEST_CASE("no failure in a thousand trials still allows a rate of 3.7e-3") {
  const Interval interval = clopper_pearson(0, 1000, .95);
  REQUIRE(interval.low == 0);
  REQUIRE(std::abs(interval.high - (1 - std::pow(.025, 1e-3))) < 1e-15);
  REQUIRE(std::abs(interval.high - 3.7e-3) < 5e-5);
}

TEST_CASE("failing always is never failing, turned round") {
  for (const std::size_t trials : {1, 10, 12345}) {
    const Interval none = clopper_pearson(0, trials, .99), all = clopper_pearson(trials, trials, .99);
    REQUIRE(all.high == 1);
    REQUIRE(std::abs(all.low - (1 - none.high)) < 1e-15);
  }
  REQUIRE(std::abs(clopper_pearson(1, 1, .95).low - .025) < 1e-16);
}

TEST_CASE("the ends are the rates at which as many failures, or as few, would be surprising") {
  for (const double confidence : {.5, .95, 1 - 1e-6})
    for (const std::size_t trials : {2, 37, 1000, 100'000})
      for (const std::size_t failures : {std::size_t{1}, trials / 3, trials / 2, trials - 1}) {
        if (failures == 0) continue;
        const Interval interval = clopper_pearson(failures, trials, confidence);
        const double surprise = (1 - confidence) / 2;
        CAPTURE(confidence, trials, failures);
        // An end next to 1 has no more digits than 1.
        CHECK(std::abs(at_least(failures, trials, interval.low) / surprise - 1) < 1e-8);
        CHECK(std::abs(at_most(failures, trials, interval.high) / surprise - 1) < 1e-8 + 1e-15 / (1 - interval.high));
        CHECK(interval.contains(static_cast<double>(failures) / static_cast<double>(trials)));
        const Interval turned = clopper_pearson(trials - failures, trials, confidence);
        CHECK(std::abs(turned.low - (1 - interval.high)) < 1e-10);
      }
}

TEST_CASE("an interval contains its ends") {
  const Interval interval{.25, .5};
  REQUIRE(interval.contains(.25));
  REQUIRE(interval.contains(.5));
  REQUIRE_FALSE(interval.contains(std::nextafter(.25, 0)));
  REQUIRE_FALSE(interval.contains(std::nextafter(.5, 1)));
}

TEST_CASE("questions without an interval are refused") {
  REQUIRE_THROWS_AS(clopper_pearson(0, 0, .95), Error);
  REQUIRE_THROWS_AS(clopper_pearson(3, 2, .95), Error);
  REQUIRE_THROWS_AS(clopper_pearson(1, 2, 0), Error);
  REQUIRE_THROWS_AS(clopper_pearson(1, 2, 1), Error);
  REQUIRE_THROWS_AS(clopper_pearson(1, 2, std::nan("")), Error);
}

// The true coverage, not a simulated one: the sum of binomial probabilities of the counts whose interval has the rate.
TEST_CASE("the interval covers every rate at least as often as it promises") {
  for (const std::size_t trials : {1, 7, 40})
    for (double rate = .005; rate < 1; rate += .005) {
      double covered = 0;
      for (std::size_t failures = 0; failures <= trials; ++failures)
        if (clopper_pearson(failures, trials, .9).contains(rate))
          covered += pdf(boost::math::binomial_distribution<double>(static_cast<double>(trials), rate),
                         static_cast<double>(failures));
      CAPTURE(trials, rate);
      CHECK(covered >= .9 - 1e-12);
    }
}
