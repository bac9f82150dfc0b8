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
  std::string kind;      ///< one word for counts: not_finite, negative, above_one, zero_rows, transposed, row_sum
  std::string sentence;  ///< "dump.h5: /attention (sample 3, layer 7, head 2): row 12 sums to 0.91, expected ..."
};

/// The gravest thing that is wrong with a matrix, if anything is.
ATTNSPEC_API std::optional<MatrixFinding> finding_of(const DumpInfo& info, const MatrixId& id, const Soundness& seen);

/// What is wrong with a tensor beside P (`dataset` is its name, "/value"): entries that are NaN or Inf. The severity is
/// refused; the kind "value_not_finite" and the like.
ATTNSPEC_API std::optional<MatrixFinding> finding_of(const DumpInfo& info, const MatrixId& id,
                                                     const std::string& dataset, std::span<const double> entries);

}  // namespace attnspec
