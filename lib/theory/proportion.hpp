// What failures in independent trials say of a rate.
#pragma once

#include <cstddef>

#include "lib/core/export.hpp"

namespace attnspec {

struct Interval {
  double low = 0, high = 1;

  bool contains(double value) const { return low <= value && value <= high; }
};

/// The two-sided Clopper-Pearson interval (Clopper and Pearson 1934, Biometrika 26): contains the true rate with
/// probability at least `confidence` (0 < confidence < 1), whatever the rate, and misses it on either side with
/// probability at most (1 - confidence) / 2. Throws Error(internal) unless trials >= 1, failures <= trials and the
/// confidence is in its range.
ATTNSPEC_API Interval clopper_pearson(std::size_t failures, std::size_t trials, double confidence);

}  // namespace attnspec
