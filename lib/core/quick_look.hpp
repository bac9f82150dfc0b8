// Is a matrix attention beyond doubt? A look without details, for those who ask for details only where something is
// wrong.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "lib/core/export.hpp"
#include "lib/core/soundness.hpp"

namespace attnspec {

/// |P|_F^2 where every entry is in [0, 1], every row sums to what is expected, and nothing lies behind the mask.
/// Nothing where any of that is in doubt: soundness_of knows what it is.
ATTNSPEC_API std::optional<double> squares_if_sound(std::span<const double> matrix, MatrixShape shape,
                                                    const Expected& expected);
/// The same of half precision, to seven digits.
ATTNSPEC_API std::optional<double> squares_if_sound(std::span<const std::uint16_t> halves, MatrixShape shape,
                                                    const Expected& expected);

}  // namespace attnspec
