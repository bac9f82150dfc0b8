// The look that decides whether a matrix is attention.
#include <catch2/catch.hpp>

#include <limits>

#include "lib/core/soundness.hpp"
#include "tests/support/matrices.hpp"

using namespace attnspec;
using namespace attnspec::test;

namespace {

Soundness look(const std::vector<double>& matrix, MatrixShape shape, RowSum row_sum = RowSum::one) {
  return soundness_of(matrix, shape, {row_sum, 1e-3, false, 0});
}

}  // namespace

TEST_CASE("softmax rows are sound at every width") {
  for (const std::size_t n : {1U, 2U, 7U, 8U, 9U, 100U}) {
    const MatrixShape shape{n, n};
    const Soundness seen = look(random_attention(shape, 2, n), shape);
    REQUIRE(seen.row_error < 1e-14);
    REQUIRE(seen.not_finite + seen.negative + seen.above_one + seen.zero_rows == 0);
  }
}

TEST_CASE("the worst row is found, with its sum") {
  const MatrixShape shape{30, 30};
  auto matrix = random_attention(shape, 1, 1);
  for (std::size_t j = 0; j < 30; ++j) matrix[12 * 30 + j] *= 0.9;

  const Soundness seen = look(matrix, shape);

  REQUIRE(seen.worst_row == 12);
  REQUIRE(std::abs(seen.worst_row_sum - 0.9) < 1e-12);
  REQUIRE(std::abs(seen.row_error - 0.1) < 1e-12);
  REQUIRE(look(matrix, shape, RowSum::at_most_one).row_error < 1e-12);
}

TEST_CASE("NaN, Inf, negative, too large and zero rows are each counted") {
  const MatrixShape shape{10, 10};
  const auto sound = random_attention(shape, 1, 2);
  const auto with = [&](std::size_t at, double value) {
    auto matrix = sound;
    matrix[at] = value;
    return look(matrix, shape);
  };

  REQUIRE(with(99, std::numeric_limits<double>::quiet_NaN()).not_finite == 1);
  REQUIRE(with(0, -std::numeric_limits<double>::infinity()).not_finite == 1);
  REQUIRE(with(45, -0.1).negative == 1);
  REQUIRE(with(9, 1.01).above_one == 1);
  REQUIRE(with(9, 1.0005).above_one == 0);
  auto unwritten = sound;
  std::fill(unwritten.begin() + 20, unwritten.begin() + 40, 0.0);
  REQUIRE(look(unwritten, shape).zero_rows == 2);
}

TEST_CASE("a transposed matrix has columns that sum to one") {
  const MatrixShape shape{40, 40};
  const auto p = random_attention(shape, 3, 7);
  std::vector<double> transposed(p.size());
  for (std::size_t i = 0; i < 40; ++i)
    for (std::size_t j = 0; j < 40; ++j) transposed[j * 40 + i] = p[i * 40 + j];

  const Soundness seen = look(transposed, shape);

  REQUIRE(seen.worst_column_error < 1e-13);
  REQUIRE(seen.row_error > refused_row_error);
}

TEST_CASE("range, zeros and row sums are those of the plain definition, at every width and under every mask") {
  for (const std::size_t n : {1U, 5U, 8U, 19U, 64U})
    for (const Expected expected : {Expected{RowSum::one, 1e-3, false, 0}, Expected{RowSum::one, 1e-3, true, 0},
                                    Expected{RowSum::one, 1e-3, true, 3}}) {
      const MatrixShape shape{n + 2, n};
      auto matrix = random_attention(shape, 2, n);
      for (std::size_t e = 0; e < matrix.size(); e += 3) matrix[e] = 0;
      matrix.back() = 1.5;

      std::size_t visible = 0, zeros = 0;
      double above = 0, outside = 0, least_sum = 2, greatest_sum = 0, all = 0;
      for (std::size_t i = 0; i < shape.rows; ++i) {
        double row_above = 0, row_outside = 0, sum = 0;
        for (std::size_t j = 0; j < n; ++j) {
          const double entry = matrix[i * n + j];
          const bool left = expected.window > 0 && i >= j + expected.window;
          if (!expected.causal || (j <= i && !left)) {
            ++visible;
            zeros += entry == 0;
          }
          if (j > i) row_above += entry;
          if (left) row_outside += entry;
          sum += entry;
        }
        above = std::max(above, row_above);
        outside = std::max(outside, row_outside);
        least_sum = std::min(least_sum, sum);
        greatest_sum = std::max(greatest_sum, sum);
        all += sum;
      }
      const Soundness seen = soundness_of(matrix, shape, expected);

      REQUIRE(seen.visible == visible);
      REQUIRE(seen.zeros == zeros);
      REQUIRE(seen.greatest == 1.5);
      REQUIRE(seen.least == 0);
      REQUIRE(std::abs(seen.above_diagonal - above) < 1e-13);
      REQUIRE(std::abs(seen.outside_window - outside) < 1e-13);
      REQUIRE(std::abs(seen.least_row_sum - least_sum) < 1e-13);
      REQUIRE(std::abs(seen.greatest_row_sum - greatest_sum) < 1e-13);
      REQUIRE(std::abs(seen.mean_row_sum - all / static_cast<double>(shape.rows)) < 1e-13);
      REQUIRE(seen.lower_triangular == (above == 0));
    }
}

TEST_CASE("range and row sums leave out what is not finite") {
  const MatrixShape shape{3, 3};
  const double infinite = std::numeric_limits<double>::infinity();
  const Soundness seen =
      look({-4, -infinite, -infinite, 2, 3, -infinite, 1, std::numeric_limits<double>::quiet_NaN(), infinite}, shape);

  REQUIRE(seen.not_finite == 5);
  REQUIRE(seen.minus_infinite == 3);
  REQUIRE(seen.negative == 4);
  REQUIRE((seen.least == -4 && seen.greatest == 3));
  REQUIRE((seen.least_row_sum == -4 && seen.greatest_row_sum == 5));
  REQUIRE((seen.rows_below == 1 && seen.rows_above == 1));
}

TEST_CASE("one entry above the diagonal makes a matrix that is not lower triangular") {
  const MatrixShape shape{20, 20};
  auto matrix = family("causal", shape, 5);
  REQUIRE(look(matrix, shape).lower_triangular);
  REQUIRE(look(matrix, shape).above_diagonal == 0);

  matrix[4 * 20 + 17] = 1e-300;
  REQUIRE_FALSE(look(matrix, shape).lower_triangular);
  REQUIRE(look(matrix, shape).above_diagonal_row == 4);
  matrix[4 * 20 + 17] = std::numeric_limits<double>::quiet_NaN();
  REQUIRE_FALSE(look(matrix, shape).lower_triangular);
}
