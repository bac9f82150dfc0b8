// The Johnson-Lindenstrauss laws: reference numbers, identities, and simulation.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <random>
#include <vector>

#include "lib/core/error.hpp"
#include "lib/theory/lemma1.hpp"
#include "lib/theory/proportion.hpp"

using namespace attnspec;

namespace {

const double no_value = std::nan("");

/// Equal to as many digits as a reference was written with, or to rounding.
void check_close(double measured, double wanted, double relative) {
  CAPTURE(measured, wanted);
  CHECK(std::abs(measured - wanted) <= relative * std::abs(wanted));
}

struct Reference {
  std::size_t k;
  double epsilon, rate;
};

}  // namespace

TEST_CASE("two-sided norm failures have their reference rates") {
  const std::vector<Reference> references{{64, .1, .57149764},     {256, .1, .25708960},   {1024, .1, .023645440},
                                          {16, .2, .57110732},     {64, .2, .25461982},    {128, .2, .10773866},
                                          {256, .2, .023633799},   {512, .2, .0015384322}, {64, .3, .086337906},
                                          {256, .3, 9.4459677e-4}, {16, .5, .14063811},    {64, .5, 6.2016088e-3},
                                          {128, .5, 2.1721327e-4}, {256, .5, 3.7520426e-7}};
  for (const auto& [k, epsilon, rate] : references) check_close(squared_norm_failure_rate(k, epsilon), rate, 6e-8);
}

TEST_CASE("two degrees of freedom are exponential, one is normal") {
  for (const double epsilon : {.01, .3, .5, .99}) {
    check_close(norm_failure_rate(2, epsilon), std::exp(-(1 + epsilon) * (1 + epsilon)), 1e-14);
    check_close(norm_failure_rate(1, epsilon), std::erfc((1 + epsilon) / std::numbers::sqrt2), 1e-14);
    check_close(squared_norm_failure_rate(2, epsilon), -std::expm1(epsilon - 1) + std::exp(-1 - epsilon), 1e-14);
  }
  // |Rx|^2 is never negative: beyond 1 one side is left.
  check_close(squared_norm_failure_rate(2, 1.5), std::exp(-2.5), 1e-14);
}

TEST_CASE("inner products have their reference rates") {
  struct {
    double cosine;
    std::size_t k;
    double rate;
  } const references[] = {{0, 16, .406859888},  {0, 64, .109043281},  {0, 256, 1.48169209e-3},
                          {.5, 16, .466761541}, {.5, 64, .149280923}, {.5, 256, 4.52284594e-3}};
  for (const auto& [cosine, k, rate] : references) check_close(inner_product_failure_rate(k, cosine, .2), rate, 6e-9);

  // Eq. 12 as printed, at a cosine of 0.1: the error may be 0.5 * 0.1 of |x| |y|.
  REQUIRE(std::abs(inner_product_failure_rate(256, .1, .5 * .1) - .425) < 5e-4);
  REQUIRE(std::abs(2 * lemma1_bound(256, .5) - 6.7e-4) < 5e-6);
}

TEST_CASE("the inner product of parallel vectors is a squared norm, and is approached smoothly") {
  for (const std::size_t k : {1, 2, 16, 64, 256, 4096, 100'000})
    for (const double tolerance : {1e-3, .02, .2, .7, 1.3}) {
      CAPTURE(k, tolerance);
      const double norm = squared_norm_failure_rate(k, tolerance);
      CHECK(inner_product_failure_rate(k, 1, tolerance) == norm);
      CHECK(inner_product_failure_rate(k, -1, tolerance) == norm);
      CHECK(inner_product_failure_rate(k, 1 + 1e-15, tolerance) == norm);
      // The slope at 1 is below k in size, and below the rate times k where that is small.
      for (const double gap : {1e-15, 1e-13, 1e-11, 1e-9}) {
        CAPTURE(gap);
        const double bound = 1e-9 + 10 * gap * static_cast<double>(k);
        if (norm > 1e-15 && tolerance != 1) check_close(inner_product_failure_rate(k, 1 - gap, tolerance), norm, bound);
      }
    }
}

TEST_CASE("turning one vector round changes nothing") {
  for (const std::size_t k : {1, 7, 300})
    for (const double cosine : {.003, .4, .97, 1 - 1e-8})
      for (const double tolerance : {.01, .3, 2.})
        CHECK(inner_product_failure_rate(k, cosine, tolerance) == inner_product_failure_rate(k, -cosine, tolerance));
}

TEST_CASE("orthogonal vectors: products of normals and Laplace variables") {
  // k = 2: U / 2 - W / 2 is a Laplace variable of scale 1, and 2 |Z| exceeds t with probability e^-t.
  for (const double t : {1e-6, .1, 1., 10., 34.})
    check_close(inner_product_failure_rate(2, 0, t / 2), std::exp(-t), 1e-9);
  // k = 1: the product of two normals, Pr(|g h| > t) = (2 / pi) int_t^inf K_0 = (2 / pi) int_0^inf e^{-t cosh u} / cosh
  // u du, where the trapezoidal rule is exact to rounding.
  for (const double t : {.05, .5, 1., 5., 30.}) {
    double sum = .5 * std::exp(-t);
    for (double u = .02; u < 10; u += .02) sum += std::exp(-t * std::cosh(u)) / std::cosh(u);
    check_close(inner_product_failure_rate(1, 0, t), 2 / std::numbers::pi * .02 * sum, 1e-9);
  }
  // k = 4: the sum of two Laplace variables, Pr(|sum| > t) = e^-t (1 + t / 2).
  for (const double t : {.1, 1., 30.})
    check_close(inner_product_failure_rate(4, 0, t / 4), std::exp(-t) * (1 + t / 2), 1e-9);
}

TEST_CASE("k = 2 with any cosine is a difference of exponentials") {
  // U and W exponential of mean 2: Pr(2 Z > s) = a e^{-s / (2 a)} for s > 0, with a = (1 + c) / 2; below alike with b.
  for (const double cosine : {0., .3, .9, .999999, -.6})
    for (const double tolerance : {1e-4, .2, .8, 3., 15.}) {
      const double a = (1 + cosine) / 2, b = 1 - a, upper = cosine + tolerance, lower = cosine - tolerance;
      const double above = upper >= 0 ? a * std::exp(-upper / a) : 1 - b * std::exp(upper / b);
      const double below = lower <= 0 ? b * std::exp(lower / b) : 1 - a * std::exp(-lower / a);
      CAPTURE(cosine, tolerance);
      check_close(inner_product_failure_rate(2, cosine, tolerance), above + below, 1e-9);
    }
}

TEST_CASE("degenerate questions have their answers") {
  REQUIRE(inner_product_failure_rate(8, no_value, .1) == 0);  // a zero vector: 0 is not off by more than 0
  REQUIRE(inner_product_failure_rate(8, no_value, 0) == 0);
  REQUIRE(inner_product_failure_rate(8, .5, 0) == 1);
  REQUIRE(inner_product_failure_rate(8, 1, 0) == 1);
  REQUIRE(inner_product_failure_rate(8, .5, std::numeric_limits<double>::infinity()) == 0);
  REQUIRE(inner_product_failure_rate(8, 1, std::numeric_limits<double>::infinity()) == 0);
  REQUIRE(inner_product_failure_rate(100'000, .5, 1e6) == 0);
  // Nearly parallel, and a side that fails with probability e^-100000: it must not trouble the other.
  REQUIRE(inner_product_failure_rate(48'809, 1 - 3.3e-16, 1.0021) == 0);
  check_close(inner_product_failure_rate(2795, -1 + 1.33e-15, 1.0000000003),
              squared_norm_failure_rate(2795, 1.0000000003), 1e-9);
  REQUIRE(inner_product_failure_rate(1, 0, 1e-300) > 1 - 1e-12);
  REQUIRE_THROWS_AS(inner_product_failure_rate(0, .5, .1), Error);
  REQUIRE_THROWS_AS(inner_product_failure_rate(8, .5, -.1), Error);
  REQUIRE_THROWS_AS(inner_product_failure_rate(8, .5, no_value), Error);
  REQUIRE_THROWS_AS(norm_failure_rate(0, .5), Error);
  REQUIRE_THROWS_AS(norm_failure_rate(4, no_value), Error);
  REQUIRE_THROWS_AS(squared_norm_failure_rate(4, no_value), Error);
}

TEST_CASE("rates fall with the tolerance, down to rates of 1e-15") {
  for (const std::size_t k : {1, 3, 64, 5000, 100'000})
    for (const double cosine : {0., .2, .99, 1 - 1e-7, -1 + 1e-13}) {
      double last = 1;
      const double sd = std::sqrt((1 + cosine * cosine) / static_cast<double>(k));
      for (double tolerance = .01 * sd; last > 1e-15; tolerance *= 1.1) {
        const double rate = inner_product_failure_rate(k, cosine, tolerance);
        CAPTURE(k, cosine, tolerance);
        REQUIRE(rate > 0);
        REQUIRE(rate < last);
        last = rate;
      }
    }
}

TEST_CASE("equations 11 and, in the product form, 12 are true") {
  for (const std::size_t k : {1, 2, 5, 20, 100, 1000})
    for (double epsilon = .02; epsilon < 1; epsilon += .02) {
      CAPTURE(k, epsilon);
      CHECK(norm_failure_rate(k, epsilon) <= lemma1_bound(k, epsilon));
      for (const double cosine : {0., .3, .7, .95, 1.})
        CHECK(inner_product_failure_rate(k, cosine, epsilon) <= 2 * lemma1_bound(k, epsilon));
    }
}

// 12 simulations, each held to an interval that a true law misses with probability 1e-6: a random seed would fail with
// probability 1.2e-5. The seed is fixed.
TEST_CASE("simulated projections fail as often as the laws say") {
  std::mt19937_64 bits(20);
  std::normal_distribution<double> normal;
  constexpr std::size_t trials = 40'000;
  for (const std::size_t k : {1, 5, 40})
    for (const double cosine : {0., .5, -.9, .999}) {
      const double tolerance = 1.2 / std::sqrt(static_cast<double>(k)), sine = std::sqrt(1 - cosine * cosine);
      std::size_t failures = 0;
      for (std::size_t trial = 0; trial < trials; ++trial) {
        double inner = 0;
        for (std::size_t i = 0; i < k; ++i) {
          const double first = normal(bits), second = normal(bits);
          inner += first * (cosine * first + sine * second) / static_cast<double>(k);
        }
        if (std::abs(inner - cosine) > tolerance) ++failures;
      }
      CAPTURE(k, cosine, failures);
      CHECK(clopper_pearson(failures, trials, 1 - 1e-6).contains(inner_product_failure_rate(k, cosine, tolerance)));
    }
}
