// What failures in independent trials say of a rate.
#pragma once

#include <cstddef>

#include "lib/core/export.hpp"

namespace attnspec {

struct Interval {
  double low = 0, high = 1;

  bool contains(double value) const { return low <= value && value <= high; }
};

/// The Clopper-Pearson interval (1934): contains the true rate with probability at least `confidence` (0 < confidence <
/// 1), whatever the rate. failures <= trials, trials >= 1.
ATTNSPEC_API Interval clopper_pearson(std::size_t failures, std::size_t trials, double confidence);

}  // namespace attnspec
