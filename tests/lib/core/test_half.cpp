// Half precision: the nearest one, ties to even, carries and all.
#include <catch2/catch.hpp>

#include <cmath>
#include <cstring>
#include <vector>

#include "lib/core/half.hpp"

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

TEST_CASE("many at once are what they are one by one, at any address") {
  std::vector<std::uint16_t> all(65536), back(65536);
  for (std::uint32_t bits = 0; bits < 65536; ++bits) all[bits] = static_cast<std::uint16_t>(bits);
  std::vector<std::byte> shifted(2 * all.size() + 1);
  std::memcpy(shifted.data() + 1, all.data(), 2 * all.size());
  std::vector<double> values(all.size());
  std::vector<float> singles(all.size());
  from_halves(shifted.data() + 1, values.data(), values.size());
  from_halves(shifted.data() + 1, singles.data(), singles.size());
  to_halves(values.data(), back.data(), back.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    const double value = from_half(all[i]);
    const bool right = std::isnan(value)
                           ? std::isnan(values[i]) && std::isnan(singles[i]) && std::isnan(from_half(back[i]))
                           : values[i] == value && singles[i] == static_cast<float>(value) && back[i] == all[i];
    if (!right) FAIL("half " << i);
  }
  // Of doubles that are no halves, too: single precision on the way must not round twice.
  std::vector<double> between;
  for (std::uint32_t bits = 0x3c00; bits < 0x3c40; ++bits)
    for (const double beyond : {0.0, 0x1p-40, -0x1p-40})
      between.push_back(
          (from_half(static_cast<std::uint16_t>(bits)) + from_half(static_cast<std::uint16_t>(bits + 1))) / 2 + beyond);
  to_halves(between.data(), back.data(), between.size());
  for (std::size_t i = 0; i < between.size(); ++i) REQUIRE(back[i] == to_half(between[i]));
}
