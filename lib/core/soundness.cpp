// One pass over a matrix: is it attention?
#include "lib/core/soundness.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

namespace attnspec {
namespace {

/// Sum, least and greatest of a row, eight lanes wide so that the compiler uses vectors.
struct RowLook {
  static constexpr std::size_t lanes = 8;
  std::array<double, lanes> sum{}, low{}, high{};

  explicit RowLook(std::span<const double> row) {
    std::size_t j = 0;
    for (; j + lanes <= row.size(); j += lanes)
      for (std::size_t k = 0; k < lanes; ++k) take(k, row[j + k]);
    for (; j < row.size(); ++j) take(0, row[j]);
  }
  void take(std::size_t k, double entry) {
    sum[k] += entry;
    low[k] = entry < low[k] ? entry : low[k];
    high[k] = entry > high[k] ? entry : high[k];
  }
  double total() const { return std::accumulate(sum.begin(), sum.end(), 0.0); }
  double least() const { return *std::min_element(low.begin(), low.end()); }
  double greatest() const { return *std::max_element(high.begin(), high.end()); }
};

void count_oddities(std::span<const double> row, double tolerance, Soundness& seen) {
  for (const double entry : row) {
    seen.not_finite += !std::isfinite(entry);
    seen.negative += entry < 0;
    seen.above_one += entry > 1 + tolerance;
  }
}

}  // namespace

Soundness soundness_of(std::span<const double> matrix, MatrixShape shape, RowSum row_sum, double tolerance) {
  Soundness seen;
  std::vector<double> column_sums(shape.cols, 0.0);
  double worst = -1;
  for (std::size_t i = 0; i < shape.rows; ++i) {
    const std::span<const double> row = matrix.subspan(i * shape.cols, shape.cols);
    const RowLook look(row);
    for (std::size_t j = 0; j < shape.cols; ++j) column_sums[j] += row[j];
    const double sum = look.total();
    // NaN and Inf survive a sum: Inf - Inf is NaN.
    const bool finite = std::isfinite(sum);
    if (!finite || look.least() < 0 || look.greatest() > 1 + tolerance) count_oddities(row, tolerance, seen);
    seen.zero_rows += finite && look.least() == 0 && look.greatest() == 0;
    const double off = row_sum == RowSum::one ? std::abs(sum - 1) : std::max(0.0, sum - 1);
    const double error = finite ? off : std::numeric_limits<double>::infinity();
    if (error > worst) {
      worst = error;
      seen.worst_row = i;
      seen.worst_row_sum = sum;
    }
  }
  seen.row_error = std::max(worst, 0.0);
  for (const double column : column_sums)
    seen.worst_column_error = std::max(seen.worst_column_error, std::isfinite(column) ? std::abs(column - 1) : 1.0);
  return seen;
}

}  // namespace attnspec
