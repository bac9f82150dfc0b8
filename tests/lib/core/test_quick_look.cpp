// The quick look must let nothing pass that a close look finds fault with.
#include <catch2/catch.hpp>

#include <cmath>
#include <limits>
#include <string>

#include "lib/core/half.hpp"
#include "lib/core/norms.hpp"
#include "lib/core/quick_look.hpp"
#include "tests/support/matrices.hpp"

using namespace attnspec;
using namespace attnspec::test;

namespace {

constexpr double tolerance = 1.2e-3;

std::vector<std::uint16_t> halves_of(const std::vector<double>& matrix) {
  std::vector<std::uint16_t> halves(matrix.size());
  to_halves(matrix.data(), halves.data(), halves.size());
  return halves;
}

/// A row of equal entries over the last `window` keys that query i sees.
std::vector<double> sliding(MatrixShape shape, std::size_t window) {
  std::vector<double> matrix(shape.elements());
  for (std::size_t i = 0; i < shape.rows; ++i) {
    const std::size_t first = i < window ? 0 : i + 1 - window, seen = i + 1 - first;
    for (std::size_t j = first; j <= i; ++j) matrix[i * shape.cols + j] = 1 / static_cast<double>(seen);
  }
  return matrix;
}

bool passes(const std::vector<double>& matrix, MatrixShape shape, const Expected& expected) {
  const bool passed = squares_if_sound(matrix, shape, expected).has_value();
  REQUIRE(squares_if_sound(halves_of(matrix), shape, expected).has_value() == passed);
  return passed;
}

}  // namespace

TEST_CASE("attention passes at every width and under every mask, with the squares of its entries") {
  for (const std::size_t n : {1U, 3U, 8U, 15U, 16U, 17U, 64U, 100U}) {
    const MatrixShape shape{n, n}, wide{n, n + 5};
    const auto random = random_attention(shape, 2, n), rectangular = random_attention(wide, 2, n);
    const auto causal = family("causal", shape, n);
    REQUIRE(passes(random, shape, {RowSum::one, tolerance, false, 0}));
    REQUIRE(passes(rectangular, wide, {RowSum::one, tolerance, false, 0}));
    REQUIRE(passes(causal, shape, {RowSum::one, tolerance, true, 0}));
    REQUIRE(passes(sliding(shape, 5), shape, {RowSum::one, tolerance, true, 5}));
    const double squares = sum_of_squares(random);
    const Expected expected{RowSum::one, tolerance, false, 0};
    REQUIRE(std::abs(*squares_if_sound(random, shape, expected) - squares) < 1e-13 * squares);
    std::vector<double> rounded(random.size());
    const auto halves = halves_of(random);
    from_halves(std::as_bytes(std::span(halves)).data(), rounded.data(), rounded.size());
    const double rounded_squares = sum_of_squares(rounded);
    REQUIRE(std::abs(*squares_if_sound(halves, shape, expected) - rounded_squares) < 1e-6 * rounded_squares);
  }
}

TEST_CASE("one odd entry anywhere does not pass") {
  const double infinite = std::numeric_limits<double>::infinity();
  for (const std::size_t n : {3U, 16U, 21U, 40U}) {
    const MatrixShape shape{n, n};
    const auto sound = random_attention(shape, 2, n);
    for (std::size_t at = 0; at < sound.size(); ++at)
      for (const double entry : {std::numeric_limits<double>::quiet_NaN(), infinite, -infinite, -0.01, 1.01}) {
        auto matrix = sound;
        // The row's sum stays what it was, so that only the entry is odd.
        const std::size_t neighbour = at % n == 0 ? at + 1 : at - 1;
        if (std::isfinite(entry)) matrix[neighbour] += matrix[at] - entry;
        matrix[at] = entry;
        if (passes(matrix, shape, {RowSum::one, tolerance, false, 0})) FAIL("entry " << at << " is " << entry);
      }
  }
  SUCCEED();
}

TEST_CASE("a row that misses its sum does not pass, unless it may fall short") {
  const MatrixShape shape{20, 20};
  const auto sound = random_attention(shape, 2, 3);
  for (const double factor : {0.0, 0.9, 1 - 2 * tolerance, 1 + 2 * tolerance}) {
    auto matrix = sound;
    for (std::size_t j = 0; j < 20; ++j) matrix[13 * 20 + j] *= factor;
    REQUIRE_FALSE(passes(matrix, shape, {RowSum::one, tolerance, false, 0}));
    REQUIRE(passes(matrix, shape, {RowSum::at_most_one, tolerance, false, 0}) == (factor < 1));
  }
}

TEST_CASE("the least entry behind the mask does not pass") {
  const MatrixShape shape{37, 37};
  for (const std::size_t window : {0U, 5U}) {
    const auto sound = sliding(shape, window == 0 ? 37 : window);
    const Expected expected{RowSum::one, tolerance, true, window};
    REQUIRE(passes(sound, shape, expected));
    for (std::size_t i = 0; i < 37; ++i)
      for (std::size_t j = 0; j < 37; ++j) {
        const bool behind = j > i || (window > 0 && i >= j + window);
        auto matrix = sound;
        matrix[i * 37 + j] += behind ? 0x1p-24 : 0;
        if (passes(matrix, shape, expected) == behind) FAIL("entry " << i << ", " << j);
      }
  }
}

TEST_CASE("where storage lets rows miss their sum by more than is borne, the close look decides") {
  const MatrixShape shape{10, 10};
  REQUIRE_FALSE(passes(random_attention(shape, 2, 3), shape, {RowSum::one, 2 * refused_row_error, false, 0}));
}
