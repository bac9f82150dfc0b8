// What every solver asks of a matrix first, of either numbers.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "lib/backend/screening.hpp"
#include "lib/core/norms.hpp"
#include "tests/support/matrices.hpp"

using namespace attnspec;
using namespace attnspec::test;

namespace {

constexpr MatrixShape shape{50, 70};  // neither a strip of them nor a multiple of one

std::vector<double> waves() {
  std::vector<double> entries(shape.elements());
  for (std::size_t i = 0; i < entries.size(); ++i) entries[i] = std::sin(static_cast<double>(i));
  return entries;
}

}  // namespace

TEST_CASE("halves are seen as the doubles that they are") {
  std::vector<double> entries = waves();
  entries[3400] = -60000;
  const HalfPrecision batches = in_half_precision(shape, {entries});

  std::vector<std::uint16_t> copy(shape.elements() + 1);
  const std::span<const std::uint16_t> stored = batches.halves.halves(0);
  for (const std::size_t first : {0, 1}) {  // aligned and not
    const Look halves = look_at(stored, copy.data() + first), doubles = look_at(batches.doubles.matrix(0));

    REQUIRE(std::equal(stored.begin(), stored.end(), copy.begin() + static_cast<std::ptrdiff_t>(first)));
    REQUIRE(halves.seen.finite);
    REQUIRE(halves.seen.largest == doubles.seen.largest);
    REQUIRE(halves.scale == 1);
    REQUIRE(doubles.seen.largest == 60000);
    REQUIRE(doubles.squares == sum_of_squares(batches.doubles.matrix(0)));
    REQUIRE(std::abs(halves.squares / doubles.squares - 1) <=
            static_cast<double>(shape.elements()) * std::numeric_limits<double>::epsilon());
  }
}

TEST_CASE("one entry that is not finite is seen wherever it stands") {
  for (const double bad : {HUGE_VAL, -HUGE_VAL, std::numeric_limits<double>::quiet_NaN()})
    for (const std::size_t place : {std::size_t{0}, std::size_t{2047}, std::size_t{2048}, shape.elements() - 1}) {
      std::vector<double> entries = waves();
      entries[place] = bad;
      const HalfPrecision batches = in_half_precision(shape, {entries});
      std::vector<std::uint16_t> copy(shape.elements());
      REQUIRE_FALSE(look_at(batches.halves.halves(0), copy.data()).seen.finite);
      REQUIRE_FALSE(look_at(batches.doubles.matrix(0)).seen.finite);
    }
}

TEST_CASE("squares are those of entries divided by their scale") {
  std::vector<double> entries = waves();
  const double squares = sum_of_squares(entries);
  for (double& entry : entries) entry *= 0x1p-400;

  const Look look = look_at(batch_of(shape, {entries}).matrix(0));

  REQUIRE(look.scale == 0x1p-400 * std::ldexp(1.0, std::ilogb(look.seen.largest) + 400));
  REQUIRE(look.squares * std::ldexp(look.scale, 400) * std::ldexp(look.scale, 400) == squares);
}
