// Half precision: the nearest one, ties to even, carries and all.
#include <catch2/catch.hpp>

#include <cmath>

#include "lib/dump/half.hpp"

using namespace attnspec;

TEST_CASE("every half survives the way to double and back") {
  for (std::uint32_t bits = 0; bits < 65536; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    if (std::isnan(from_half(half))) continue;
    if (to_half(from_half(half)) != half) FAIL("half " << bits << " comes back as " << to_half(from_half(half)));
  }
  SUCCEED();
}

TEST_CASE("a double becomes the nearest half, and the even one of two that are as near") {
  for (std::uint32_t bits = 0; bits < 0x7bff; ++bits) {
    const auto below = static_cast<std::uint16_t>(bits), above = static_cast<std::uint16_t>(bits + 1);
    const double middle = (from_half(below) + from_half(above)) / 2;
    const bool right = to_half(std::nextafter(middle, 0)) == below && to_half(std::nextafter(middle, 1e9)) == above &&
                       to_half(middle) == (bits % 2 == 0 ? below : above) &&
                       to_half(-middle) == (0x8000 | (bits % 2 == 0 ? below : above));
    if (!right) FAIL("between halves " << bits << " and " << bits + 1);
  }
  REQUIRE(from_half(to_half(0.0624929)) == 0.0625);
  REQUIRE(std::isinf(from_half(to_half(65520))));
  REQUIRE(from_half(to_half(65519.9)) == 65504);
  REQUIRE(std::isnan(from_half(to_half(NAN))));
}
