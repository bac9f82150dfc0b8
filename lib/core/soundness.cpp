// One pass over a matrix: is it attention?
#include "lib/core/soundness.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace attnspec {
namespace {

struct RowLook {
  double sum = 0, largest = 0;
  bool finite = true;
};

RowLook look_at_row(std::span<const double> row, std::span<double> column_sums, double tolerance, Soundness& seen) {
  RowLook look;
  for (std::size_t j = 0; j < row.size(); ++j) {
    const double entry = row[j];
    look.sum += entry;
    column_sums[j] += entry;
    look.largest = std::max(look.largest, std::abs(entry));
    seen.negative += entry < 0;
    seen.above_one += entry > 1 + tolerance;
  }
  // NaN and Inf both survive the sum unless they cancel, and Inf - Inf is NaN.
  look.finite = std::isfinite(look.sum);
  if (!look.finite)
    for (const double entry : row) seen.not_finite += !std::isfinite(entry);
  return look;
}

}  // namespace

Soundness soundness_of(std::span<const double> matrix, MatrixShape shape, RowSum row_sum, double tolerance) {
  Soundness seen;
  std::vector<double> column_sums(shape.cols, 0.0);
  double worst = -1;
  for (std::size_t i = 0; i < shape.rows; ++i) {
    const RowLook look = look_at_row(matrix.subspan(i * shape.cols, shape.cols), column_sums, tolerance, seen);
    seen.zero_rows += look.finite && look.largest == 0;
    const double off = row_sum == RowSum::one ? std::abs(look.sum - 1) : std::max(0.0, look.sum - 1);
    const double error = look.finite ? off : std::numeric_limits<double>::infinity();
    if (error > worst) {
      worst = error;
      seen.worst_row = i;
      seen.worst_row_sum = look.sum;
    }
  }
  seen.row_error = std::max(worst, 0.0);
  for (const double sum : column_sums)
    seen.worst_column_error = std::max(seen.worst_column_error, std::isfinite(sum) ? std::abs(sum - 1) : 1.0);
  return seen;
}

}  // namespace attnspec
