// One pass over the entries.
#include "lib/backend/screening.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

#ifdef __SSE2__
#include <immintrin.h>
#endif

#include "lib/core/half.hpp"
#include "lib/core/norms.hpp"
#include "lib/core/vector_clones.hpp"
#include "lib/core/vector_walk.hpp"

namespace attnspec {
namespace {

using vectors::Doubles, vectors::LanesOf;

/// Of the entries so far. Inf and NaN make x * 0 a NaN.
template <class Number>
struct Seen {
  typename LanesOf<Number>::Type largest{}, poison{};
  Doubles squares{};  ///< of halves only, whose squares are floats to the last bit: sums come out alike, fused or not

  Screening screening() const {
    Screening all;
    for (std::size_t k = 0; k < vectors::vector_bytes / sizeof(Number); ++k) {
      all.largest = std::max(all.largest, static_cast<double>(largest[k]));
      all.finite = all.finite && poison[k] == 0;
    }
    return all;
  }
};

template <class Lanes, class SoFar>
[[gnu::always_inline]] inline void take(const Lanes& x, SoFar& seen) {
  const Lanes size = x < 0 ? -x : x;
  seen.poison += x * 0;
  seen.largest = size > seen.largest ? size : seen.largest;
}

ATTNSPEC_VECTOR_CLONES
void look_over(const double* entries, std::size_t count, Seen<double>& seen) {
  Seen<double> all = seen;
  vectors::walk<Doubles>(entries, count, [&](const Doubles& x) { take(x, all); });
  seen = all;
}

ATTNSPEC_VECTOR_CLONES
void look_over(const float* entries, std::size_t count, Seen<float>& seen) {
  using Floats = LanesOf<float>::Type;
  Seen<float> all = seen;
  vectors::walk<Floats>(entries, count, [&](const Floats& x) {
    take(x, all);
    vectors::add(x * x, all.squares);
  });
  seen = all;
}

/// Past the caches, where the CPU can: what is written need not be read first, and drives nothing else out.
void copy_past_caches(std::span<const std::uint16_t> from, std::uint16_t* to) {
  std::size_t i = 0;
#ifdef __SSE2__
  constexpr std::size_t lanes = sizeof(__m128i) / sizeof(std::uint16_t);
  for (; i < from.size() && reinterpret_cast<std::uintptr_t>(to + i) % sizeof(__m128i) != 0; ++i) to[i] = from[i];
  for (; i + lanes <= from.size(); i += lanes)
    _mm_stream_si128(reinterpret_cast<__m128i*>(to + i),
                     _mm_loadu_si128(reinterpret_cast<const __m128i*>(from.data() + i)));
#endif
  std::copy(from.begin() + static_cast<std::ptrdiff_t>(i), from.end(), to + i);
}

/// What was written past the caches is there for all.
void finish_copies() {
#ifdef __SSE2__
  _mm_sfence();
#endif
}

}  // namespace

Look look_at(std::span<const std::uint16_t> halves, std::uint16_t* to) {
  constexpr std::size_t some = 2048;  // whose floats a core's first cache holds
  std::array<float, some> strip;
  Seen<float> seen;
  for (std::size_t first = 0; first < halves.size(); first += some) {
    const std::span<const std::uint16_t> part = halves.subspan(first, std::min(some, halves.size() - first));
    from_halves(std::as_bytes(part).data(), strip.data(), part.size());
    look_over(strip.data(), part.size(), seen);
    copy_past_caches(part, to + first);
  }
  finish_copies();
  return {seen.screening(), 1, vectors::total(seen.squares)};  // no half is so large or so small that it needs a scale
}

Look look_at(std::span<const double> matrix) {
  Look look{screen(matrix)};
  look.scale = scale_of(look.seen.largest);
  if (look.scale == 1) {
    look.squares = sum_of_squares(matrix);
    return look;
  }
  std::vector<double> scaled(matrix.size());
  copy_scaled(matrix, look.scale, scaled.data());
  look.squares = sum_of_squares(scaled);
  return look;
}

Screening screen(std::span<const double> matrix) {
  Seen<double> seen;
  look_over(matrix.data(), matrix.size(), seen);
  return seen.screening();
}

double scale_of(double largest) {
  if (largest == 0 || (largest > 0x1p-200 && largest < 0x1p200)) return 1;
  return std::ldexp(1.0, std::ilogb(largest));
}

void copy_scaled(std::span<const double> matrix, double scale, double* out) {
  if (scale == 1) {
    std::copy(matrix.begin(), matrix.end(), out);
    return;
  }
  // Two steps, since 1 / scale may overflow.
  const double half = std::ldexp(1.0, std::ilogb(scale) / 2), rest = scale / half;
  for (std::size_t i = 0; i < matrix.size(); ++i) out[i] = matrix[i] / half / rest;
}

}  // namespace attnspec
