// IEEE 754 half precision: 1 sign, 5 exponent and 10 mantissa bits.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lib/core/export.hpp"

namespace attnspec {

/// The value of the bits, exactly.
ATTNSPEC_API double from_half(std::uint16_t bits);

/// The nearest half, ties to even; beyond 65519 infinity. Our own, since HDF5 1.10.8 loses the carry where a value
/// rounds up to a power of two (0.0624929 becomes 0.03125).
ATTNSPEC_API std::uint16_t to_half(double value);

/// The same for many, by the CPU's own instructions where it has them (ATTNSPEC_VECTORS narrows the choice). Halves in
/// memory need no alignment, and are in the machine's order of bytes.
ATTNSPEC_API void from_halves(const std::byte* halves, double* values, std::size_t count);
ATTNSPEC_API void from_halves(const std::byte* halves, float* values, std::size_t count);
ATTNSPEC_API void to_halves(const double* values, std::uint16_t* halves, std::size_t count);

}  // namespace attnspec
