// Halves and doubles.
#include "lib/dump/half.hpp"

#include <bit>
#include <cmath>

namespace attnspec {

double from_half(std::uint16_t bits) {
  const std::uint32_t sign = bits >> 15, exponent = (bits >> 10) & 31U, mantissa = bits & 1023U;
  double value = 0;
  if (exponent == 31)
    value = std::bit_cast<double>(mantissa != 0 ? 0x7ff8000000000000ULL : 0x7ff0000000000000ULL);
  else if (exponent == 0)
    value = static_cast<double>(mantissa) * 0x1p-24;
  else
    value = std::bit_cast<double>((static_cast<std::uint64_t>(exponent) + 1023 - 15) << 52 |
                                  static_cast<std::uint64_t>(mantissa) << 42);
  return sign != 0 ? -value : value;
}

std::uint16_t to_half(double value) {
  const auto sign = static_cast<std::uint16_t>(std::signbit(value) ? 0x8000U : 0U);
  const double size = std::abs(value);
  if (std::isnan(value)) return static_cast<std::uint16_t>(sign | 0x7e00U);
  if (size >= 65520) return static_cast<std::uint16_t>(sign | 0x7c00U);
  // In units of the last place: subnormals share the unit of the smallest normal numbers, 2^-24.
  const int exponent = size < 0x1p-14 ? -14 : std::ilogb(size);
  const auto units = static_cast<std::uint32_t>(std::nearbyint(std::ldexp(size, 10 - exponent)));
  // A carry out of the mantissa runs into the exponent, which is what it should do.
  const auto biased = static_cast<std::uint32_t>(exponent + 14) << 10;
  return static_cast<std::uint16_t>(sign | (biased + units));
}

}  // namespace attnspec
