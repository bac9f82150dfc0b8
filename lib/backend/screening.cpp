// One pass over the entries.
#include "lib/backend/screening.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <vector>

#include "lib/core/half.hpp"
#include "lib/core/norms.hpp"

namespace attnspec {
namespace {

Look look_at_halves(std::span<const std::uint16_t> halves) {
  constexpr std::size_t some = 2048;  // whose doubles a core's first cache holds
  std::array<double, some> strip;
  Look look;
  for (std::size_t first = 0; first < halves.size(); first += some) {
    const std::span<const std::uint16_t> part = halves.subspan(first, std::min(some, halves.size() - first));
    from_halves(std::as_bytes(part).data(), strip.data(), part.size());
    const std::span<const double> entries(strip.data(), part.size());
    const Screening seen = screen(entries);
    look.seen.largest = std::max(look.seen.largest, seen.largest);
    look.seen.finite = look.seen.finite && seen.finite;
    look.squares += sum_of_squares(entries);
  }
  return look;  // no half is so large or so small that it needs a scale
}

}  // namespace

Look look_at(const MatrixBatch& batch, std::size_t b) {
  if (batch.numbers() == BatchNumbers::halves) return look_at_halves(batch.halves(b));
  const std::span<const double> entries = batch.matrix(b);
  Look look{screen(entries)};
  look.scale = scale_of(look.seen.largest);
  if (look.scale == 1) {
    look.squares = sum_of_squares(entries);
    return look;
  }
  std::vector<double> scaled(entries.size());
  copy_scaled(entries, look.scale, scaled.data());
  look.squares = sum_of_squares(scaled);
  return look;
}

/// Eight lanes wide, so that the compiler uses vectors. Inf and NaN make x * 0 a NaN.
Screening screen(std::span<const double> matrix) {
  constexpr std::size_t lanes = 8;
  std::array<double, lanes> poison{}, largest{};
  const auto take = [&](std::size_t k, double entry) {
    poison[k] += entry * 0;
    largest[k] = std::abs(entry) > largest[k] ? std::abs(entry) : largest[k];
  };
  std::size_t i = 0;
  for (; i + lanes <= matrix.size(); i += lanes)
    for (std::size_t k = 0; k < lanes; ++k) take(k, matrix[i + k]);
  for (; i < matrix.size(); ++i) take(0, matrix[i]);
  return {*std::max_element(largest.begin(), largest.end()), std::accumulate(poison.begin(), poison.end(), 0.0) == 0};
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
