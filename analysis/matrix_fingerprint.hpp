// 64 bits that tell one matrix from another, so that equal layers are found without keeping them.
#pragma once

#include <cstdint>
#include <span>

#include "lib/core/export.hpp"
#include "lib/core/matrix_shape.hpp"

namespace attnspec {

/// Equal for matrices that are equal bit for bit; else equal by chance, about once in 2^64.
/// `before` chains several matrices into one fingerprint.
ATTNSPEC_API std::uint64_t fingerprint_of(std::span<const double> matrix, std::uint64_t before = 0);

/// Every row holds one value beside zero: uniform attention, the identity, one-hot rows. Such matrices are alike
/// without having been copied.
ATTNSPEC_API bool is_plain(std::span<const double> matrix, MatrixShape shape);

}  // namespace attnspec
