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
