// Sums over many numbers, wide enough that the compiler uses vectors.
#pragma once

#include <span>

#include "lib/core/export.hpp"

namespace attnspec {

/// sum x^2, in eight partial sums; the same bits for the same numbers wherever they lie.
ATTNSPEC_API double sum_of_squares(std::span<const double> values);

}  // namespace attnspec
