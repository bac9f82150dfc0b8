// What makes a matrix an attention matrix: finite entries in [0, 1], rows that sum to one.
#pragma once

#include <cstddef>
#include <span>

#include "lib/core/export.hpp"
#include "lib/core/matrix_shape.hpp"

namespace attnspec {

/// What one pass over a matrix saw. Rows and columns count from 0.
struct Soundness {
  std::size_t not_finite = 0;     ///< entries that are NaN or Inf
  std::size_t negative = 0;       ///< entries below 0
  std::size_t above_one = 0;      ///< entries above 1 by more than the tolerance
  std::size_t zero_rows = 0;      ///< rows of zeros only, as unwritten chunks read back
  std::size_t worst_row = 0;      ///< the row whose sum lies furthest from one
  double worst_row_sum = 1;       ///< its sum (NaN where the row is not finite)
  double worst_column_error = 0;  ///< the same distance over columns: near 0 where a matrix is transposed
  /// Distance of the worst row from one; with at_most_one rows, only what exceeds one.
  double row_error = 0;
};

/// Rows may fall short of one where the model drops a sink column after its softmax.
enum class RowSum { one, at_most_one };

/// Looks at every entry once. `tolerance` is how far one entry may exceed 1 (storage rounding).
ATTNSPEC_API Soundness soundness_of(std::span<const double> matrix, MatrixShape shape, RowSum row_sum,
                                    double tolerance);

/// A matrix whose rows are further than this from one is refused, whatever its storage.
inline constexpr double refused_row_error = 0.02;

}  // namespace attnspec
