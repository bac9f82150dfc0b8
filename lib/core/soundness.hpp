// What makes a matrix an attention matrix: finite entries in [0, 1], rows that sum to one, no mass behind the mask.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "lib/core/export.hpp"
#include "lib/core/matrix_shape.hpp"

namespace attnspec {

/// Rows may fall short of one where the model drops a sink column after its softmax.
enum class RowSum { one, at_most_one };

/// What a dump says that its matrices are.
struct Expected {
  RowSum row_sum = RowSum::one;
  double tolerance = 0;    ///< how far storage rounding may take an entry above 1, or a row from its sum
  bool causal = false;     ///< query i sees keys j <= i only
  std::size_t window = 0;  ///< and of those only i - j < window; 0: all
};

/// What one pass over a matrix saw. Rows and columns count from 0. Least, greatest and row sums are those of the finite
/// entries.
struct Soundness {
  std::size_t not_finite = 0;      ///< entries that are NaN or Inf
  std::size_t minus_infinite = 0;  ///< of those, -Inf
  std::size_t negative = 0;        ///< entries below 0, -Inf among them
  std::size_t above_one = 0;       ///< entries above 1 by more than the tolerance
  std::size_t zero_rows = 0;       ///< rows of zeros only, as unwritten chunks read back
  double least = 0, greatest = 0;  ///< entries
  std::size_t visible = 0;         ///< entries that the mask lets see
  std::size_t zeros = 0;           ///< of those, exact zeros
  std::size_t worst_row = 0;       ///< the row whose sum lies furthest from one
  double worst_row_sum = 1;        ///< its sum (NaN or Inf where the row is not finite)
  double worst_column_error = 0;   ///< the same distance over columns: near 0 where a matrix is transposed
  /// Distance of the worst row from one; with at_most_one rows, only what exceeds one.
  double row_error = 0;
  double least_row_sum = 1, greatest_row_sum = 1, mean_row_sum = 1;
  std::size_t rows_below = 0, rows_above = 0;  ///< rows whose sum misses one by more than the tolerance
  double above_diagonal = 0;                   ///< the largest row's sum of entries j > i, whatever the mask
  std::size_t above_diagonal_row = 0;
  double outside_window = 0;  ///< the largest row's sum of entries that have left the window
  std::size_t outside_window_row = 0;
  bool lower_triangular = false;  ///< every entry above the diagonal is zero
  double tolerance = 0;           ///< that the look went by
  std::size_t unwritten = 0;      ///< stored pieces (chunks) it touches that were never written
  bool missing = false;           ///< the file has no dataset for it
  std::string damage;             ///< what is wrong with its bytes, in words; empty where nothing is
};

/// Looks at every entry once, and again at rows with an odd one.
ATTNSPEC_API Soundness soundness_of(std::span<const double> matrix, MatrixShape shape, const Expected& expected);

/// A matrix whose rows are further than this from one is refused, whatever its storage, and so is one with more than
/// this of a row's mass behind the mask.
inline constexpr double refused_row_error = 0.02;

}  // namespace attnspec
