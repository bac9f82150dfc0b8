// The order in which one pass over a trial's matrices answers every construction.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "lib/core/construction.hpp"
#include "lib/core/export.hpp"

namespace attnspec {

/// By rising k, those that share a weight matrix together.
struct ATTNSPEC_API TrialPlan {
  /// Throws std::invalid_argument for weights over no rows: a softmax or exponential construction of k = 0. A linear
  /// one of k = 0 is zero.
  explicit TrialPlan(std::span<const Construction> all);

  std::span<const Construction> constructions;
  std::vector<std::size_t> linear, weighted;  ///< indices of constructions; weighted: softmax and exponential
  std::size_t projected_rows = 0;             ///< of F V: the largest k
  std::size_t mixed_rows = 0;                 ///< of E: the largest k of a linear construction that is not zero
  std::size_t key_rows = 0;                   ///< of E K: the largest k of a weighted construction with e_factor != 0
};

}  // namespace attnspec
