// Tails of quadratic forms: laws with closed forms, invariances, extremes, and simulation.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numbers>
#include <random>
#include <vector>

#include <boost/math/distributions/non_central_chi_squared.hpp>

#include "lib/core/error.hpp"
#include "lib/theory/proportion.hpp"
#include "lib/theory/quadratic_form.hpp"

using namespace attnspec;

namespace {

using Vector = std::vector<double>;

double normal_tail(double z) { return .5 * std::erfc(z / std::numbers::sqrt2); }

void check_close(double measured, double wanted, double relative, double absolute = 0) {
  CAPTURE(measured, wanted);
  CHECK(std::abs(measured - wanted) <= relative * std::abs(wanted) + absolute);
}

struct Form {
  Vector lambda, shift;

  double tail(double x) const { return quadratic_form_tail(lambda, shift, x); }
  double mean() const {
    double sum = 0;
    for (std::size_t i = 0; i < lambda.size(); ++i) sum += lambda[i] * (1 + shift[i] * shift[i]);
    return sum;
  }
  double deviation() const {
    double sum = 0;
    for (std::size_t i = 0; i < lambda.size(); ++i) sum += 2 * lambda[i] * lambda[i] * (1 + 2 * shift[i] * shift[i]);
    return std::sqrt(sum);
  }
};

/// Lambdas over `decades` powers of ten, the largest 1.
Form random_form(std::mt19937_64& bits, std::size_t size, double decades, double shift) {
  std::normal_distribution<double> normal;
  std::uniform_real_distribution<double> uniform;
  Form form{Vector(size, 1.0), Vector(size)};
  for (std::size_t i = 0; i < size; ++i) {
    if (i > 0) form.lambda[i] = std::pow(10.0, -decades * uniform(bits));
    form.shift[i] = shift * normal(bits);
  }
  return form;
}

}  // namespace

TEST_CASE("one term is a normal probability") {
  for (const double shift : {0., .5, -3., 40.})
    for (const double x : {0., 1e-9, .7, 9., 1600., 1700.}) {
      const double root = std::sqrt(x / 2.5);
      const double wanted = normal_tail(root - shift) + normal_tail(root + shift);
      check_close(quadratic_form_tail(Vector{2.5}, Vector{shift}, x), wanted, 1e-12);
      check_close(quadratic_form_tail(Vector{0, 2.5, 0}, Vector{7, shift, 1}, x), wanted, 1e-12);
    }
}

TEST_CASE("two equal central terms are exponential, to the last digit that a tail has") {
  for (const double x : {1e-30, 1e-12, 1e-3, .5, 2., 3., 20., 700., 1400.}) {
    const double tail = quadratic_form_tail(Vector{1, 1}, Vector{0, 0}, x);
    check_close(tail, std::exp(-x / 2), 1e-11);
    check_close(1 - tail, -std::expm1(-x / 2), 1e-11, 2e-16);
  }
}

TEST_CASE("equal lambdas are a noncentral chi-square") {
  std::mt19937_64 bits(3);
  for (const std::size_t size : {2, 3, 10, 64, 512})
    for (const double scale : {0., .3, 2., 8.}) {
      Form form = random_form(bits, size, 0, scale);
      double noncentrality = 0;
      for (const double shift : form.shift) noncentrality += shift * shift;
      const boost::math::non_central_chi_squared_distribution<double> law(static_cast<double>(size), noncentrality);
      for (const double z : {-3., -1., 0., .01, 1., 4., 6.}) {
        const double x = form.mean() + z * form.deviation();
        CAPTURE(size, scale, z);
        if (x > 0) check_close(form.tail(x), cdf(complement(law, x)), 1e-8, 1e-13);
      }
    }
}

TEST_CASE("each lambda twice is a sum of exponentials") {
  const Vector mean{2, .8, .26, 2e-3};  // of the exponentials: 2 lambda
  const Vector lambda{1, 1, .4, .4, .13, .13, 1e-3, 1e-3};
  for (const double x : {.5, 3., 10., 60., 600.}) {
    double wanted = 0;
    for (const double one : mean) {
      double weight = std::exp(-x / one);
      for (const double other : mean)
        if (other != one) weight *= one / (one - other);
      wanted += weight;
    }
    check_close(quadratic_form_tail(lambda, Vector(8), x), wanted, 1e-10);
  }
}

TEST_CASE("splitting the same form otherwise changes nothing") {
  // Rotating two terms of equal lambda moves the whole shift to one of them; order and zeros do not count.
  const double tail = quadratic_form_tail(Vector{.7, .7, .1}, Vector{3, 4, 1}, 20);
  check_close(quadratic_form_tail(Vector{.7, .7, .1}, Vector{0, 5, 1}, 20), tail, 1e-11);
  check_close(quadratic_form_tail(Vector{.1, .7, 0, .7}, Vector{-1, 0, 9, -5}, 20), tail, 1e-11);
}

TEST_CASE("scaling the form and x alike changes nothing") {
  std::mt19937_64 bits(4);
  const Form form = random_form(bits, 20, 3, 1);
  const double x = 1.3 * form.mean(), tail = form.tail(x);
  for (const int power : {-900, -100, 3, 100, 900}) {
    Vector scaled = form.lambda;
    for (double& lambda : scaled) lambda = std::ldexp(lambda, power);
    CHECK(quadratic_form_tail(scaled, form.shift, std::ldexp(x, power)) == tail);
  }
}

TEST_CASE("degenerate forms have their answers") {
  REQUIRE(quadratic_form_tail(Vector{}, Vector{}, 0) == 0);
  REQUIRE(quadratic_form_tail(Vector{0, 0}, Vector{1, 2}, 0) == 0);
  REQUIRE(quadratic_form_tail(Vector{0, 0}, Vector{1, 2}, -1e-9) == 1);
  REQUIRE(quadratic_form_tail(Vector{1, 2}, Vector{1, 2}, 0) == 1);
  REQUIRE(quadratic_form_tail(Vector{3}, Vector{2}, 0) == 1);
  REQUIRE(quadratic_form_tail(Vector{1, 2}, Vector{1, 2}, -5) == 1);
  REQUIRE(quadratic_form_tail(Vector{1, 2}, Vector{1, 2}, std::numeric_limits<double>::infinity()) == 0);
  REQUIRE(quadratic_form_tail(Vector{1, 2}, Vector{1, 2}, 1e9) == 0);
  const double nan = std::nan("");
  REQUIRE_THROWS_AS(quadratic_form_tail(Vector{1, 2}, Vector{1}, 1), Error);
  REQUIRE_THROWS_AS(quadratic_form_tail(Vector{1, -2}, Vector{1, 1}, 1), Error);
  REQUIRE_THROWS_AS(quadratic_form_tail(Vector{1, nan}, Vector{1, 1}, 1), Error);
  REQUIRE_THROWS_AS(quadratic_form_tail(Vector{1, 1}, Vector{nan, 1}, 1), Error);
  REQUIRE_THROWS_AS(quadratic_form_tail(Vector{1, 1}, Vector{1, 1}, nan), Error);
  REQUIRE_THROWS_AS(quadratic_form_tail(Vector{1}, Vector{1}, nan), Error);
  REQUIRE_THROWS_AS(quadratic_form_tail(Vector{1, 1}, Vector{std::numeric_limits<double>::infinity(), 1}, 1), Error);
}

TEST_CASE("large shifts leave a normal law, and tiny terms the law without them") {
  for (const double shift : {1e4, 1e6, 1e9, 1e12}) {
    const Form form{{1, .5, .25}, {shift, shift, -shift}};
    for (const double z : {-5., -1., 0., 2., 5.}) {
      // The skewness left is of order 1 / shift; beyond 1e8 the digits of x move z.
      const double x = form.mean() + z * form.deviation(), reached = (x - form.mean()) / form.deviation();
      CAPTURE(shift, z);
      check_close(form.tail(x), normal_tail(reached), 200 / shift + 2e-15 * shift + 1e-10);
    }
    CHECK(form.tail(.5 * form.mean()) == 1);
  }
  // Shifts that are exponentials of logits: the form is its mean, 2, and nothing else.
  for (const double shift : {1e20, 1e90, 1e154}) {
    const Vector lambda{1 / shift / shift, 1 / shift / shift};
    CHECK(quadratic_form_tail(lambda, Vector{shift, -shift}, 1.99) == 1);
    CHECK(quadratic_form_tail(lambda, Vector{shift, -shift}, 2.01) == 0);
    CHECK(quadratic_form_tail(Vector{lambda[0]}, Vector{-shift}, .99) == 1);
    CHECK(quadratic_form_tail(Vector{lambda[0]}, Vector{-shift}, 1.01) == 0);
  }
  const double alone = quadratic_form_tail(Vector{1, 1}, Vector{1, 2}, 9);
  for (const double tiny : {1e-13, 1e-100, 1e-310})
    check_close(quadratic_form_tail(Vector{1, 1, tiny, tiny}, Vector{1, 2, 1, 0}, 9), alone, 1e-11);
  // One term and a tiny one: only just more than a normal probability, for large shifts too.
  for (const double shift : {1., 1e3, 1e5, 1e6})
    check_close(quadratic_form_tail(Vector{1, 1e-13}, Vector{shift, 0}, (shift + 2) * (shift + 2)),
                normal_tail(2) + normal_tail(2 + 2 * shift), 1e-11 + 1e-14 * shift);
}

TEST_CASE("no form of up to 512 terms is too wild: the tail falls, and stays a probability") {
  std::mt19937_64 bits(5);
  std::uniform_real_distribution<double> uniform;
  for (int i = 0; i < 300; ++i) {
    const auto size = static_cast<std::size_t>(std::exp(uniform(bits) * std::log(512.0)) + 1);
    const Form form = random_form(bits, size, 12 * uniform(bits), std::pow(10.0, 9 * uniform(bits) - 3));
    double last = 1;
    for (const double z : {-30., -6., -3., -1., 0., 1e-6, 1., 3., 8., 30.}) {
      const double x = form.mean() + z * form.deviation();
      if (x <= 0) continue;
      const double tail = form.tail(x);
      CAPTURE(i, size, z);
      REQUIRE(tail >= 0);
      REQUIRE(tail <= last);
      last = tail;
    }
  }
}

TEST_CASE("the tail integrates to the mean") {
  // E Q = int_0^inf Pr(Q > x) dx, by Simpson's rule: a check of every form at all x at once.
  std::mt19937_64 bits(6);
  for (const std::size_t size : {4, 9, 30}) {
    const Form form = random_form(bits, size, 2, 1);
    constexpr int steps = 4000;
    const double width = (form.mean() + 40 * form.deviation()) / steps;
    double sum = form.tail(0);
    for (int i = 1; i < steps; ++i) sum += (i % 2 == 0 ? 2 : 4) * form.tail(i * width);
    check_close(sum * width / 3, form.mean(), 1e-6);
  }
}

// 9 comparisons at confidence 1 - 1e-6: a random seed would fail with probability 9e-6. The seed is fixed.
TEST_CASE("simulated forms exceed x as often as the law says") {
  std::mt19937_64 bits(8);
  std::normal_distribution<double> normal;
  constexpr std::size_t trials = 30'000;
  for (const std::size_t size : {2, 3, 25}) {
    const Form form = random_form(bits, size, 2, 1.5);
    Vector draws(trials);
    for (double& draw : draws)
      for (std::size_t i = 0; i < size; ++i) draw += form.lambda[i] * std::pow(normal(bits) - form.shift[i], 2);
    for (const double factor : {.4, 1., 1.8}) {
      const double x = factor * form.mean();
      const auto above = std::count_if(draws.begin(), draws.end(), [x](double draw) { return draw > x; });
      CAPTURE(size, factor, above);
      CHECK(clopper_pearson(static_cast<std::size_t>(above), trials, 1 - 1e-6).contains(form.tail(x)));
    }
  }
}
