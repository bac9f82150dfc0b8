// The singular values of one matrix, and how the computation ended.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/core/export.hpp"
#include "lib/core/matrix_batch.hpp"

namespace attnspec {

enum class SvdStatus {
  ok,
  not_finite,     ///< the matrix holds NaN or Inf
  not_converged,  ///< the solver gave up, or sum sigma^2 came out different from |P|_F^2
  not_attention   ///< refused before the computation: entries or row sums that no softmax makes
};

/// One word for reports and messages.
ATTNSPEC_API std::string_view name_of(SvdStatus status);

struct Spectrum {
  MatrixId id;
  SvdStatus status = SvdStatus::ok;
  /// min(rows, cols) singular values, falling, >= 0; empty unless status is ok.
  std::vector<double> values;
  /// Every value lies this near to the exact one of the stored matrix (absolute; a bound of the method, not a guess).
  double error_bound = 0;
  /// The method that found them: another than was asked for where that one was not good enough for this matrix.
  std::string method{};
  /// Where the backend made the matrix from queries and keys: what MatrixBatch::storage_error says of others.
  double storage_error = 0;
};

}  // namespace attnspec
