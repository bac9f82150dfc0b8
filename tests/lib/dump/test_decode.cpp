// Stored numbers become the doubles that they stand for, exactly.
#include <catch2/catch.hpp>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "lib/dump/decode.hpp"

using namespace attnspec;

namespace {

template <class Stored>
std::vector<double> decoded(StoredType type, bool big_endian, const std::vector<Stored>& stored) {
  std::vector<std::byte> bytes(stored.size() * sizeof(Stored));
  if (!stored.empty()) std::memcpy(bytes.data(), stored.data(), bytes.size());
  if (big_endian)
    for (std::size_t i = 0; i < bytes.size(); i += sizeof(Stored))
      std::reverse(bytes.begin() + static_cast<std::ptrdiff_t>(i),
                   bytes.begin() + static_cast<std::ptrdiff_t>(i + sizeof(Stored)));
  std::vector<double> out(stored.size());
  decode({type, big_endian}, bytes, out);
  return out;
}

/// IEEE 754 half precision, read from its definition.
double half_value(std::uint16_t bits) {
  const int exponent = bits >> 10 & 31, mantissa = bits & 1023;
  const double sign = (bits >> 15) != 0 ? -1 : 1;
  if (exponent == 31) return mantissa != 0 ? NAN : sign * INFINITY;
  if (exponent == 0) return sign * std::ldexp(mantissa, -24);
  return sign * std::ldexp(1024 + mantissa, exponent - 25);
}

}  // namespace

TEST_CASE("all 65536 halves decode to their IEEE values, fast path and slow, both byte orders") {
  std::vector<std::uint16_t> all(65536);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::uint16_t>(i);

  const auto little = decoded(StoredType::float16, false, all), big = decoded(StoredType::float16, true, all);

  for (std::size_t i = 0; i < all.size(); ++i) {
    const double expected = half_value(all[i]);
    const bool same =
        (std::isnan(expected) && std::isnan(little[i]) && std::isnan(big[i])) ||
        (little[i] == expected && big[i] == expected && std::signbit(little[i]) == std::signbit(expected));
    if (!same) FAIL("half " << i << " decodes to " << little[i] << " and " << big[i] << ", expected " << expected);
  }
  SUCCEED();
}

TEST_CASE("a number of halves that is no multiple of the vector width decodes whole") {
  for (std::size_t count = 0; count < 12; ++count) {
    const auto out = decoded(StoredType::float16, false, std::vector<std::uint16_t>(count, 0x3c00));
    REQUIRE(out == std::vector<double>(count, 1.0));
  }
}

TEST_CASE("bfloat16, float32 and float64 decode exactly in both byte orders") {
  for (const bool big_endian : {false, true}) {
    REQUIRE(decoded<std::uint16_t>(StoredType::bfloat16, big_endian, {0x3f80, 0xc040, 0x0001}) ==
            std::vector<double>{1.0, -3.0, 0x1p-133});
    REQUIRE(
        decoded<std::uint32_t>(StoredType::float32, big_endian, {std::bit_cast<std::uint32_t>(0.1F), 0x80000000U}) ==
        std::vector<double>{static_cast<double>(0.1F), -0.0});
    REQUIRE(decoded<std::uint64_t>(StoredType::float64, big_endian, {std::bit_cast<std::uint64_t>(0.1)}) ==
            std::vector<double>{0.1});
  }
}
