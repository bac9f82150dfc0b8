// The law of the normals, and that a map is what its name says. Scores that are normal are held to 5 sigma: a random
// seed would pass each with probability 1 - 6e-7; the seeds here are fixed, so that a test passes always or never.
#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <numeric>
#include <span>
#include <vector>

#include "lib/core/gaussian_map.hpp"

using namespace attnspec;

namespace {

constexpr double five_sigma = 5;

std::vector<double> normals(std::uint64_t seed, std::uint64_t trial, std::size_t count, std::size_t first = 0) {
  std::vector<double> z(count);
  fill_normals(seed, trial, first, z);
  return z;
}

/// sum f(z_i) / sqrt(N), which is standard normal where f(Z) has mean 0 and variance 1.
double score(const std::vector<double>& z, const std::function<double(double)>& f) {
  double sum = 0;
  for (const double x : z) sum += f(x);
  return sum / std::sqrt(static_cast<double>(z.size()));
}

/// The correlation of x and y, and of their squares, each in its standard deviations: both are standard normal where x
/// and y are independent. The larger of the two, so that a random seed passes with probability 1 - 1.2e-6.
double dependence(const std::vector<double>& x, const std::vector<double>& y) {
  double plain = 0, squares = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    plain += x[i] * y[i];
    squares += (x[i] * x[i] - 1) * (y[i] * y[i] - 1) / 2;
  }
  return std::max(std::abs(plain), std::abs(squares)) / std::sqrt(static_cast<double>(x.size()));
}

/// The smaller of P(X <= count) and P(X >= count), X binomial. Long double, for lgamma(n) is large and cancels.
double binomial_tail(std::size_t count, long double n, long double p) {
  const auto probability = [&](std::size_t of) {
    const auto x = static_cast<long double>(of);
    return std::exp(std::lgamma(n + 1) - std::lgamma(x + 1) - std::lgamma(n - x + 1) + x * std::log(p) +
                    (n - x) * std::log1p(-p));
  };
  long double at_most = 0;
  for (std::size_t c = 0; c <= count; ++c) at_most += probability(c);
  return static_cast<double>(std::min(at_most, 1 - at_most + probability(count)));
}

/// Of bins that are equally probable.
double chi_square_of(std::span<const std::size_t> held) {
  const double expected =
      static_cast<double>(std::accumulate(held.begin(), held.end(), std::size_t{0})) / static_cast<double>(held.size());
  double sum = 0;
  for (const std::size_t h : held) sum += std::pow(static_cast<double>(h) - expected, 2) / expected;
  return sum;
}

/// P(Y <= y) for Y of chi-square law with an even number of degrees of freedom: one minus a Poisson sum.
double chi_square_below(double y, std::size_t freedom) {
  double term = std::exp(-y / 2), sum = 0;
  for (std::size_t i = 0; i < freedom / 2; term *= y / 2 / static_cast<double>(++i)) sum += term;
  return 1 - sum;
}

/// Kolmogorov's distance between a sample and the uniform law on [0, 1], times sqrt(N).
double distance_from_uniform(std::vector<double> sample) {
  std::sort(sample.begin(), sample.end());
  const auto n = static_cast<double>(sample.size());
  double furthest = 0;
  for (std::size_t i = 0; i < sample.size(); ++i) {
    const auto below = static_cast<double>(i);
    furthest = std::max({furthest, sample[i] - below / n, (below + 1) / n - sample[i]});
  }
  return furthest * std::sqrt(n);
}

double square_norm(const std::vector<double>& x) {
  double sum = 0;
  for (const double entry : x) sum += entry * entry;
  return sum;
}

/// |R x|^2.
double square_norm_of_image(const Matrix& r, const std::vector<double>& x) {
  std::vector<double> image(r.rows());
  for (std::size_t i = 0; i < r.rows(); ++i)
    for (std::size_t j = 0; j < r.cols(); ++j) image[i] += r(i, j) * x[j];
  return square_norm(image);
}

std::vector<double> every_second(const std::vector<double>& z, std::size_t first) {
  std::vector<double> half;
  for (std::size_t i = first; i < z.size(); i += 2) half.push_back(z[i]);
  return half;
}

}  // namespace

TEST_CASE("a normal has mean 0, variance 1, skewness 0 and kurtosis 3") {
  const auto z = normals(1, 0, 4'000'000);

  // Hermite polynomials over sqrt(j!): mean 0, variance 1, uncorrelated with each other.
  REQUIRE(std::abs(score(z, [](double x) { return x; })) < five_sigma);
  REQUIRE(std::abs(score(z, [](double x) { return (x * x - 1) / std::sqrt(2.0); })) < five_sigma);
  REQUIRE(std::abs(score(z, [](double x) { return (x * x - 3) * x / std::sqrt(6.0); })) < five_sigma);
  REQUIRE(std::abs(score(z, [](double x) { return ((x * x - 6) * x * x + 3) / std::sqrt(24.0); })) < five_sigma);
}

TEST_CASE("the tails beyond 4 and 5 sigma hold as many normals as they should") {
  // 33.6 million, so that an empty tail beyond 5 sigma, where 9.6 are expected on each side, would stand out.
  constexpr std::size_t part = 1U << 20U, parts = 32;
  std::array<std::size_t, 4> beyond{};
  for (std::size_t i = 0; i < parts; ++i)
    for (const double x : normals(2, 0, part, i * part)) {
      beyond[0] += x > 4;
      beyond[1] += x < -4;
      beyond[2] += x > 5;
      beyond[3] += x < -5;
    }

  // A random seed fails each line with probability 2e-6: 1e-6 for too few, 1e-6 for too many.
  constexpr double n = part * parts;
  const double above_4 = std::erfc(4 / std::sqrt(2.0)) / 2, above_5 = std::erfc(5 / std::sqrt(2.0)) / 2;
  for (const std::size_t side : {0U, 1U}) REQUIRE(binomial_tail(beyond[side], n, above_4) > 1e-6);
  for (const std::size_t side : {2U, 3U}) REQUIRE(binomial_tail(beyond[side], n, above_5) > 1e-6);
  REQUIRE(binomial_tail(beyond[2] + beyond[3], n, 2 * above_5) > 1e-6);
}

TEST_CASE("64 quantile bins hold a 64th of the normals each") {
  constexpr std::size_t bins = 64, count = 4'000'000;
  std::array<std::size_t, bins> held{};
  for (const double x : normals(3, 0, count)) {
    const double below = std::erfc(-x / std::sqrt(2.0)) / 2;
    ++held[std::min(static_cast<std::size_t>(below * bins), bins - 1)];
  }

  // Of 63 degrees of freedom: above 131.4 or below 23.1 with probability 1e-6 each.
  const double chi_square = chi_square_of(held);
  REQUIRE(chi_square < 131.4);
  REQUIRE(chi_square > 23.1);
}

TEST_CASE("normals at different places, trials and seeds are independent") {
  constexpr std::size_t count = 1'000'000;
  const auto z = normals(4, 7, count);

  REQUIRE(dependence(z, normals(4, 8, count)) < five_sigma);
  REQUIRE(dependence(z, normals(4, 7 + (1ULL << 63U), count)) < five_sigma);
  REQUIRE(dependence(z, normals(5, 7, count)) < five_sigma);
  REQUIRE(dependence(z, normals(7, 4, count)) < five_sigma);
  // Neighbours, a counter's two pairs, two counters, two rows of a matrix with 384 columns, two buffers.
  for (const std::size_t lag : {1U, 2U, 3U, 4U, 384U, 512U})
    REQUIRE(dependence(z, normals(4, 7, count, lag)) < five_sigma);
}

TEST_CASE("the two halves of a pair are independent, and so are their squares") {
  const auto z = normals(6, 0, 2'000'000);
  const auto cosines = every_second(z, 0), sines = every_second(z, 1);

  REQUIRE(dependence(cosines, sines) < five_sigma);
  // An eighth of the pairs in each octant. Of 7 degrees of freedom: above 40.6 with probability 1e-6.
  std::array<std::size_t, 8> held{};
  for (std::size_t i = 0; i < sines.size(); ++i)
    ++held[(cosines[i] > 0 ? 4U : 0U) + (sines[i] > 0 ? 2U : 0U) +
           (std::abs(cosines[i]) > std::abs(sines[i]) ? 1U : 0U)];
  REQUIRE(chi_square_of(held) < 40.6);
}

TEST_CASE("k |R x|^2 / |x|^2 has the chi-square law with k degrees of freedom") {
  constexpr std::size_t k = 16, n = 24, trials = 20'000;
  std::vector<double> unit(n), dense(n);
  unit[17] = 1;
  for (std::size_t j = 0; j < n; ++j) dense[j] = (j % 3 == 1 ? -1 : 1) * std::pow(0.8, static_cast<double>(j));

  std::vector<double> of_unit, of_dense;
  for (std::size_t trial = 0; trial < trials; ++trial) {
    const Matrix r = matrix_of({k, n, 8, trial});
    of_unit.push_back(k * square_norm_of_image(r, unit));
    of_dense.push_back(k * square_norm_of_image(r, dense) / square_norm(dense));
  }

  for (auto sample : {of_unit, of_dense}) {
    double mean = 0;
    for (const double y : sample) mean += (y - k) / std::sqrt(2.0 * k * trials);
    REQUIRE(std::abs(mean) < five_sigma);
    // Kolmogorov: beyond 2.7 with probability 2 exp(-2 2.7^2) = 9e-7.
    for (double& y : sample) y = chi_square_below(y, k);
    REQUIRE(distance_from_uniform(sample) < 2.7);
  }
}

TEST_CASE("maps of all k share their rows") {
  const GaussianMap small{5, 33, 9, 3}, large{64, 33, 9, 3};
  const Matrix few = normals_of(small), many = normals_of(large);
  const Matrix r_small = matrix_of(small), r_large = matrix_of(large);

  REQUIRE(std::equal(few.values.begin(), few.values.end(), many.values.begin()));
  for (std::size_t i = 0; i < few.values.size(); ++i) {
    REQUIRE(r_small.values[i] == few.values[i] / std::sqrt(5.0));
    REQUIRE(r_large.values[i] == few.values[i] / 8);
  }
  REQUIRE((r_large.rows() == 64 && r_large.cols() == 33));
}

TEST_CASE("a map without rows or columns is empty") {
  REQUIRE(matrix_of({0, 5, 1, 1}).values.empty());
  REQUIRE(matrix_of({5, 0, 1, 1}).values.empty());
}

TEST_CASE("any cut of the stream gives the same bits and touches nothing else") {
  constexpr double untouched = 77;
  for (const std::size_t start : {std::size_t{0}, std::size_t{1} << 60U}) {
    const auto z = normals(10, 2, 3000, start);
    for (const std::size_t first : {0U, 1U, 2U, 3U, 4U, 5U, 255U, 509U, 511U, 512U, 513U, 1022U})
      for (const std::size_t count : {0U, 1U, 2U, 3U, 4U, 5U, 6U, 7U, 31U, 508U, 511U, 512U, 513U, 1024U, 1500U}) {
        std::vector<double> cut(count + 2, untouched);
        fill_normals(10, 2, start + first, std::span(cut).subspan(1, count));
        const auto expected = z.begin() + static_cast<std::ptrdiff_t>(first);
        REQUIRE(std::equal(cut.begin() + 1, cut.end() - 1, expected));
        REQUIRE((cut.front() == untouched && cut.back() == untouched));
      }
  }
}

TEST_CASE("every bit of seed and trial counts") {
  std::vector<double> firsts{normals(0, 0, 1)[0]};
  for (unsigned bit = 0; bit < 64; ++bit) {
    firsts.push_back(normals(1ULL << bit, 0, 1)[0]);
    firsts.push_back(normals(0, 1ULL << bit, 1)[0]);
  }
  std::sort(firsts.begin(), firsts.end());
  REQUIRE(std::adjacent_find(firsts.begin(), firsts.end()) == firsts.end());
}

TEST_CASE("normals are those that numpy makes of the same name in long double") {
  const auto differ = [](const std::vector<double>& z, const std::vector<double>& expected) {
    double furthest = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) furthest = std::max(furthest, std::abs(z[i] - expected[i]));
    return furthest;
  };
  REQUIRE(differ(normals(0, 0, 5), {0.00808869540411732, 0.15219212994898482, -0.4468097514740502, -0.1914038077379987,
                                    -0.2038984787005263}) < 5e-16);
  REQUIRE(
      differ(normals(12345678901234567890ULL, ~0ULL, 5), {1.7850767224709898, -0.358430860060271, -0.2338933299432703,
                                                          -0.24435062989182985, 0.9993285172643683}) < 5e-16);
}
