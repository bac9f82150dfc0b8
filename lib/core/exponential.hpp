// e^x of many numbers at once.
#pragma once

#include <span>

#include "lib/core/export.hpp"

namespace attnspec {

/// Replaces every x by e^x, to a relative error below 2e-16.
///
/// Above 709.78 the result is infinity and below -745.13 it is 0, as in double precision they are; in between, results
/// below the smallest normal number lose their last bits as every such number does (to within 2^-1074). NaN stays NaN.
/// On one machine the bits of e^x depend on x alone, not on its place or its neighbours; a machine without fused
/// multiply-add may differ in the last bit.
ATTNSPEC_API void exponentials(std::span<double> x);

}  // namespace attnspec
