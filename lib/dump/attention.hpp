// P = softmax(mask(softcap(scale Q K^T) + bias)): attention from what a compact dump holds.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "lib/core/attention_rule.hpp"
#include "lib/core/export.hpp"
#include "lib/core/matrix_batch.hpp"

namespace attnspec {

/// "sliding:128", as dumps name it.
ATTNSPEC_API std::string name_of(const AttentionMask& mask);

/// Reads such a name. Throws Error(input) for anything else.
ATTNSPEC_API AttentionMask parse_mask(const std::string& name);

/// The head [rows, cols] of attention from query [rows, d] and key [cols, d], row-major, into `attention`.
/// `bias` [rows, cols] is added before the mask; empty: none.
/// `input_roundoff` is the unit roundoff of the stored Q and K. Returns an estimate of what it did to P in Frobenius
/// norm: to first order |P o D|_F with D_ij = u scale |q_i| |k_j| / sqrt(d), independent rounding errors.
ATTNSPEC_API double attention_from_query_key(std::span<const double> query, std::span<const double> key,
                                             std::span<const double> bias, MatrixShape shape, const AttentionRule& rule,
                                             double input_roundoff, std::span<double> attention);

/// Softmax of each row in place; -Inf is masked. For dumps that hold logits. Returns the estimate of what storage did
/// to P, with D_ij = u |a_ij|.
ATTNSPEC_API double softmax_rows(std::span<double> logits, MatrixShape shape, double input_roundoff);

}  // namespace attnspec
