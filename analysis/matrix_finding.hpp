// What is wrong with one matrix, in a sentence: where, what was found, what was wanted, what to do.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "lib/core/export.hpp"
#include "lib/core/soundness.hpp"
#include "lib/dump/layout.hpp"

namespace attnspec {

enum class Severity {
  warning,  ///< unusual, and still computed
  refused   ///< no attention: skipped unless the user insists
};

struct MatrixFinding {
  MatrixId id;
  Severity severity = Severity::warning;
  std::string kind;       ///< one word for counts, such as not_finite
  std::string sentence;   ///< "dump.h5: /attention (sample 3, layer 7, head 2): row 12 sums to 0.91, expected ..."
  std::string what = {};  ///< the sentence without its place
};

/// The gravest thing that is wrong with a matrix, if anything is. Kinds, gravest first: missing, unwritten, not_finite,
/// logits, negative, dropout, above_one, zero_rows, transposed, row_sum, above_diagonal, outside_window; the last three
/// may be warnings.
ATTNSPEC_API std::optional<MatrixFinding> finding_of(const DumpInfo& info, const MatrixId& id, const Soundness& seen);

/// What is wrong with a tensor beside P (`dataset` is its name, "/value"): entries that are NaN or Inf. The severity is
/// refused; the kind "value_not_finite" and the like.
ATTNSPEC_API std::optional<MatrixFinding> finding_of(const DumpInfo& info, const MatrixId& id,
                                                     const std::string& dataset, std::span<const double> entries);

/// Train-mode dropout by its pattern: a share of the visible entries exactly zero, the others scaled up, so that row
/// sums scatter about one. The share of zeros estimates the rate; nothing where the pattern is another one.
/// Zeros of a mask or of underflow leave row sums at one, and are no dropout.
ATTNSPEC_API std::optional<double> dropout_rate(const Soundness& seen, MatrixShape shape);

}  // namespace attnspec
