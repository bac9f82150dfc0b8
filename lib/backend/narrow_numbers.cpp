// There and back again: a number fits where it comes back the same.
#include "lib/backend/narrow_numbers.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "lib/backend/gpu_kernels/widened.hpp"

namespace attnspec {
namespace {

std::uint32_t bits_of(float number) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, &number, sizeof bits);
  return bits;
}

std::uint16_t bfloat16_of(double number) {
  return static_cast<std::uint16_t>(bits_of(static_cast<float>(number)) >> 16);
}

/// Right for what is such a number; anything for the rest.
std::uint16_t float16_of(double number) {
  const auto single = static_cast<float>(number);
  const std::uint32_t sign = bits_of(single) >> 16 & 0x8000U;
  const float size = std::abs(single);
  // Below 2^-14 a half counts in steps of 2^-24, as a float does in the binade of 1/2.
  const std::uint32_t small = bits_of(size + 0.5F) - bits_of(0.5F);
  const std::uint32_t normal = (bits_of(size) >> 13) - (112U << 10);
  return static_cast<std::uint16_t>(sign | (size < 0x1p-14F ? small : normal & 0x7fffU));
}

template <class Narrow, class There, class Back>
bool all_fit(std::span<const double> numbers, Narrow* to, There there, Back back) {
  constexpr std::size_t step = 512;
  for (std::size_t first = 0; first < numbers.size(); first += step) {
    bool fit = true;
    for (std::size_t i = first; i < std::min(numbers.size(), first + step); ++i) {
      to[i] = there(numbers[i]);
      fit = fit & (back(to[i]) == numbers[i]);
    }
    if (!fit) return false;
  }
  return true;
}

}  // namespace

std::size_t bytes_of(GpuNumber type) {
  switch (type) {
    case GpuNumber::float64: return sizeof(double);
    case GpuNumber::float32: return sizeof(float);
    case GpuNumber::float16:
    case GpuNumber::bfloat16: return sizeof(std::uint16_t);
  }
  return sizeof(double);
}

bool narrowed(std::span<const double> numbers, GpuNumber type, void* to) {
  const auto same_number = [](auto number) { return static_cast<double>(number); };
  switch (type) {
    case GpuNumber::float64: std::copy(numbers.begin(), numbers.end(), static_cast<double*>(to)); return true;
    case GpuNumber::float32:
      return all_fit(
          numbers, static_cast<float*>(to), [](double x) { return static_cast<float>(x); }, same_number);
    case GpuNumber::float16:
      return all_fit(numbers, static_cast<std::uint16_t*>(to), float16_of, gpu_kernels::float16_value);
    case GpuNumber::bfloat16:
      return all_fit(numbers, static_cast<std::uint16_t*>(to), bfloat16_of, gpu_kernels::bfloat16_value);
  }
  return false;
}

}  // namespace attnspec
