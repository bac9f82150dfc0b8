// Numbers of four and two bytes as doubles.
#pragma once

#include <cstdint>
#include <cstring>

#include "lib/backend/gpu_jobs.hpp"
#include "lib/backend/gpu_kernels/block.hpp"

namespace attnspec::gpu_kernels {

ATTNSPEC_KERNEL inline float float_of_bits(std::uint32_t bits) {
  float number;
  memcpy(&number, &bits, sizeof number);
  return number;
}

/// A finite IEEE half: its exponent counts from 15 and a float's from 127, hence 2^112, which rights subnormals too.
ATTNSPEC_KERNEL inline double float16_value(std::uint16_t half) {
  const float magnitude = float_of_bits(static_cast<std::uint32_t>(half & 0x7fffU) << 13) * 0x1p112F;
  return (half & 0x8000U) != 0 ? -magnitude : magnitude;
}

/// The upper half of a float.
ATTNSPEC_KERNEL inline double bfloat16_value(std::uint16_t half) {
  return float_of_bits(static_cast<std::uint32_t>(half) << 16);
}

/// Number `i` of `from`.
template <GpuNumber type>
ATTNSPEC_KERNEL double widened(const void* from, std::size_t i) {
  if constexpr (type == GpuNumber::float64)
    return static_cast<const double*>(from)[i];
  else if constexpr (type == GpuNumber::float32)
    return static_cast<const float*>(from)[i];
  else if constexpr (type == GpuNumber::float16)
    return float16_value(static_cast<const std::uint16_t*>(from)[i]);
  else
    return bfloat16_value(static_cast<const std::uint16_t*>(from)[i]);
}

}  // namespace attnspec::gpu_kernels
