// Heads as queries and keys, for a backend that makes P where it decomposes it.
#pragma once

#include <cstddef>
#include <vector>

#include "lib/core/attention_rule.hpp"

namespace attnspec {

/// Heads of one shape [rows, cols], back to back, row-major. What they make is attention by construction: every number
/// is finite, no score overflows and no query sees nothing, or the dump's reader had made P itself and looked at it.
struct QueryKeyHeads {
  std::size_t rank = 0;              ///< columns of Q and K
  std::vector<double> queries;       ///< [heads, rows, rank]
  std::vector<double> keys;          ///< [heads, cols, rank]
  std::vector<double> biases;        ///< [heads, rows, cols], added before the mask; empty: none
  std::vector<AttentionRule> rules;  ///< one a head
  double input_roundoff = 0;         ///< unit roundoff of the stored Q and K
};

}  // namespace attnspec
