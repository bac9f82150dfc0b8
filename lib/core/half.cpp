// Halves and doubles.
#include "lib/core/half.hpp"

#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <string_view>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace attnspec {
namespace {

template <class Value>
void widen_portable(const std::byte* halves, Value* values, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    std::uint16_t bits = 0;
    std::memcpy(&bits, halves + 2 * i, sizeof bits);
    values[i] = static_cast<Value>(from_half(bits));
  }
}

void narrow_portable(const double* values, std::uint16_t* halves, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) halves[i] = to_half(values[i]);
}

#if defined(__x86_64__)
[[gnu::target("avx,f16c")]] void widen_f16c(const std::byte* halves, double* values, std::size_t count) {
  std::size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    const __m128i some = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(halves + 2 * i));
    _mm256_storeu_pd(values + i, _mm256_cvtps_pd(_mm_cvtph_ps(some)));
  }
  widen_portable(halves + 2 * i, values + i, count - i);
}

[[gnu::target("avx,f16c")]] void widen_f16c(const std::byte* halves, float* values, std::size_t count) {
  std::size_t i = 0;
  for (; i + 8 <= count; i += 8)
    _mm256_storeu_ps(values + i, _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(halves + 2 * i))));
  widen_portable(halves + 2 * i, values + i, count - i);
}

[[gnu::target("avx512f,avx,f16c")]] void widen_avx512(const std::byte* halves, double* values, std::size_t count) {
  std::size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const __m128i some = _mm_loadu_si128(reinterpret_cast<const __m128i*>(halves + 2 * i));
    _mm512_storeu_pd(values + i, _mm512_maskz_cvtps_pd(0xff, _mm256_cvtph_ps(some)));
  }
  widen_portable(halves + 2 * i, values + i, count - i);
}

/// By way of single precision: twice rounded, so right for what is a half already, to the last bit; others go by hand.
[[gnu::target("avx,f16c")]] void narrow_f16c(const double* values, std::uint16_t* halves, std::size_t count) {
  std::size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    const __m256d some = _mm256_loadu_pd(values + i);
    const __m128i narrow = _mm_cvtps_ph(_mm256_cvtpd_ps(some), _MM_FROUND_TO_NEAREST_INT);
    const __m256d back = _mm256_cvtps_pd(_mm_cvtph_ps(narrow));
    if (_mm256_movemask_pd(_mm256_cmp_pd(some, back, _CMP_NEQ_UQ)) != 0)
      narrow_portable(values + i, halves + i, 4);
    else
      _mm_storel_epi64(reinterpret_cast<__m128i*>(halves + i), narrow);
  }
  narrow_portable(values + i, halves + i, count - i);
}
#endif

struct Conversions {
  void (*widen)(const std::byte*, double*, std::size_t) = widen_portable<double>;
  void (*widen_to_single)(const std::byte*, float*, std::size_t) = widen_portable<float>;
  void (*narrow)(const double*, std::uint16_t*, std::size_t) = narrow_portable;
};

Conversions choose() {
  const char* asked = std::getenv("ATTNSPEC_VECTORS");
  const std::string_view most = asked == nullptr ? "avx512" : asked;
#if defined(__x86_64__)
  // Every CPU with AVX2 has F16C, which compilers can not ask for.
  const bool f16c = __builtin_cpu_supports("avx2") != 0;
  if (f16c && __builtin_cpu_supports("avx512f") != 0 && most == "avx512")
    return {widen_avx512, widen_f16c, narrow_f16c};
  if (f16c && most != "portable") return {widen_f16c, widen_f16c, narrow_f16c};
#endif
  return {};
}

const Conversions& conversions() {
  static const Conversions chosen = choose();
  return chosen;
}

}  // namespace

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

void from_halves(const std::byte* halves, double* values, std::size_t count) {
  conversions().widen(halves, values, count);
}

void from_halves(const std::byte* halves, float* values, std::size_t count) {
  conversions().widen_to_single(halves, values, count);
}

void to_halves(const double* values, std::uint16_t* halves, std::size_t count) {
  conversions().narrow(values, halves, count);
}

}  // namespace attnspec
