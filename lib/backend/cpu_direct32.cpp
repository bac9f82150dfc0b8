// Many matrices in the lanes at once; each checked by itself.
#include "lib/backend/cpu_direct32.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>

#include "lib/backend/backend.hpp"
#include "lib/backend/entries_of.hpp"
#include "lib/backend/screening.hpp"
#include "lib/core/norms.hpp"

namespace attnspec {
namespace {

/// Whether values that are rounding alone weigh so much that the curve is wrong: low rank to the last bit, where
/// hundreds of them add up. Where a value is zero, 3e-8 to 7e-7 sigma_1 / sqrt(n) was seen in its place.
bool drowns_in_rounding(const std::vector<double>& values) {
  constexpr double bearable = 4e-7;  // of the sum
  const double rounding = 7e-7 * values.front() / std::sqrt(static_cast<double>(values.size()));
  double sum = 0, noise = 0;
  for (const double value : values) {
    sum += value;
    if (value < rounding) noise += value;
  }
  return noise > bearable * sum;
}

/// |P|_F for which the kernels need no scale: sigma_1 is between |P|_F / sqrt(n) and |P|_F. Attention has 1 .. n.
bool in_reach(double squares) { return squares >= 0.5 && squares <= 0x1p60; }

/// How much of the matrix is in its mean row, as the loading pass of the lanes finds it.
Sight look_at(std::span<const double> matrix, MatrixShape shape) {
  std::vector<double> sums(shape.cols);
  for (std::size_t i = 0; i < shape.rows; ++i)
    for (std::size_t j = 0; j < shape.cols; ++j) sums[j] += matrix[i * shape.cols + j];
  return {sum_of_squares(matrix), sum_of_squares(sums) / static_cast<double>(shape.rows)};
}

/// Whether the mean row holds so much of the matrix that what is left would drown in its rounding.
bool is_mostly_mean(const Sight& seen, MatrixShape shape) {
  constexpr double nearly_all = 0.9;
  return shape.smaller_side() > 1 && seen.mean_squares > nearly_all * seen.squares;
}

/// Splits off the direction of the mean row by two reflections in double precision: the values stay the same.
void split_mean(std::vector<double>& matrix, MatrixShape shape) {
  const std::size_t rows = shape.rows, cols = shape.cols;
  const auto n = static_cast<double>(rows);
  const double unit = 1 / std::sqrt(n);
  // From the left v = unit 1 + e_1, whose reflection takes unit 1 to -e_1: row 0 becomes the mean row.
  const double left = 2 / (1 + 2 * unit + 1);
  std::vector<double> v(cols), products(cols);
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < cols; ++j) v[j] += matrix[i * cols + j];
  for (std::size_t j = 0; j < cols; ++j) products[j] = left * (unit * v[j] + matrix[j]);
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < cols; ++j) matrix[i * cols + j] -= (unit + (i == 0 ? 1 : 0)) * products[j];
  // From the right, the reflection that clears row 0.
  std::copy_n(matrix.begin(), cols, v.begin());
  const double norm = std::sqrt(sum_of_squares(v));
  v[0] += v[0] < 0 ? -norm : norm;
  const double right = 2 / sum_of_squares(v);
  for (std::size_t i = 0; i < rows; ++i) {
    double *row = matrix.data() + i * cols, product = 0;
    for (std::size_t j = 0; j < cols; ++j) product += row[j] * v[j];
    for (std::size_t j = 0; j < cols; ++j) row[j] -= right * product * v[j];
  }
}

/// Tall becomes wide.
void transpose(std::vector<double>& matrix, MatrixShape shape) {
  const std::vector<double> from = matrix;
  for (std::size_t i = 0; i < shape.rows; ++i)
    for (std::size_t j = 0; j < shape.cols; ++j) matrix[j * shape.rows + i] = from[i * shape.cols + j];
}

/// What became of a matrix on its way into the lanes.
struct Passage {
  bool in_lanes = false;
  double scale = 1, squares = 0;  ///< squares: of the matrix as it is stored
};

}  // namespace

void CpuDirect32::run(const MatrixBatch& batch, std::size_t first, std::size_t count, std::vector<Spectrum>& spectra,
                      CpuWorkspace& workspace) {
  const MatrixShape shape = batch.shape(), wide{shape.smaller_side(), std::max(shape.rows, shape.cols)};
  const bool tall = shape.rows > shape.cols;
  if (shape.elements() > 0 && (kernels_ == nullptr || shape_ != wide)) {
    shape_ = wide;
    kernels_ = make_direct32(vector_set(), wide);
    values_.resize(wide.rows * matrices_at_once(wide));
  }
  const std::vector<EntriesAt> matrices = tall ? std::vector<EntriesAt>(count) : entries_of(batch, first, count);
  std::vector<Passage> passages(count);
  const auto instead = [&](std::size_t m, const Sight& found) -> std::optional<const double*> {
    const auto matrix = [&] { return batch.doubles(first + m, workspace.wide()); };
    const Sight seen = tall ? look_at(matrix(), shape) : found;
    Passage& passage = passages[m];
    passage.squares = seen.squares;
    if (!in_reach(seen.squares)) {
      const Screening look = screen(matrix());
      if (!look.finite || look.largest == 0 || scale_of(look.largest) != 1) return nullptr;
      passage.scale = std::ldexp(1.0, std::ilogb(look.largest));
    }
    passage.in_lanes = true;
    const bool mostly_mean = is_mostly_mean(seen, shape);
    if (!tall && !mostly_mean && passage.scale == 1) return std::nullopt;
    turned_.resize(shape.elements());
    copy_scaled(matrix(), passage.scale, turned_.data());
    if (mostly_mean) split_mean(turned_, shape);
    if (tall) transpose(turned_, shape);
    return turned_.data();
  };
  const std::uint64_t failed =
      planted_failures() | (shape.elements() > 0 ? kernels_->run(matrices, instead, values_.data()) : 0);
  for (std::size_t m = 0; m < count; ++m) {
    const Passage& passage = passages[m];
    Spectrum& spectrum = spectra[first + m];
    std::vector<double> values(wide.rows);
    for (std::size_t i = 0; i < wide.rows; ++i) values[i] = values_[m * wide.rows + i] * passage.scale;
    if (!passage.in_lanes || (failed >> m & 1) != 0 || !squares_agree_in_float(values, passage.squares, shape)) {
      spectrum = gram_spectrum(batch, first + m, workspace);
    } else if (drowns_in_rounding(values)) {
      spectrum = direct_spectrum(batch, first + m, workspace);
    } else {
      const double bound = direct32_error_bound(shape, values.front());
      spectrum = {batch.id(first + m), SvdStatus::ok, std::move(values), bound, "direct32"};
    }
  }
}

}  // namespace attnspec
