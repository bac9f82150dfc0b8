// Sixteen matrices in the lanes at once; each checked by itself.
#include "lib/backend/cpu_direct32.hpp"

#include <algorithm>
#include <cmath>
#include <span>

#include "lib/backend/backend.hpp"
#include "lib/backend/screening.hpp"
#include "lib/core/norms.hpp"

namespace attnspec {
namespace {

constexpr std::size_t largest_side = 1024;

std::size_t padded_side(MatrixShape shape) {
  const std::size_t side = std::max(shape.rows, shape.cols);
  return (side + Direct32::unit - 1) / Direct32::unit * Direct32::unit;
}

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

}  // namespace

bool suits_direct32(MatrixShape shape) {
  const std::size_t least = shape.smaller_side(), most = std::max(shape.rows, shape.cols);
  return least > 0 && most <= largest_side && most <= 2 * least;
}

/// The matrix in single precision. Where its mean row holds nearly all of it, that direction is first split off by two
/// reflections in double precision: what is left would drown in its rounding.
const float* CpuDirect32::prepared(std::span<const double> matrix, MatrixShape shape, double scale, double squares) {
  const std::size_t rows = shape.rows, cols = shape.cols;
  sums_.assign(cols, 0);
  for (std::size_t i = 0; i < rows; ++i) {
    const double* row = matrix.data() + i * cols;
    for (std::size_t j = 0; j < cols; ++j) sums_[j] += row[j];
  }
  const double mean_squares = sum_of_squares(sums_) / static_cast<double>(rows);
  constexpr double nearly_all = 0.9;
  const double* from = matrix.data();
  if (rows > 1 && cols > 1 && mean_squares > nearly_all * squares) {
    turned_.assign(matrix.begin(), matrix.end());
    from = turned_.data();
    const auto n = static_cast<double>(rows), unit = 1 / std::sqrt(n);
    // From the left v = unit 1 + e_1, whose reflection takes unit 1 to -e_1: row 0 becomes the mean row.
    const double left = 2 / (1 + 2 * unit + 1);
    products_.resize(cols);
    for (std::size_t j = 0; j < cols; ++j) products_[j] = left * (unit * sums_[j] + turned_[j]);
    for (std::size_t i = 0; i < rows; ++i)
      for (std::size_t j = 0; j < cols; ++j) turned_[i * cols + j] -= (unit + (i == 0 ? 1 : 0)) * products_[j];
    // From the right, the reflection that clears row 0.
    std::vector<double>& v = sums_;
    std::copy_n(turned_.begin(), cols, v.begin());
    const double norm = std::sqrt(sum_of_squares(v));
    v[0] += v[0] < 0 ? -norm : norm;
    const double right = 2 / sum_of_squares(v);
    for (std::size_t i = 0; i < rows; ++i) {
      double* row = turned_.data() + i * cols;
      double product = 0;
      for (std::size_t j = 0; j < cols; ++j) product += row[j] * v[j];
      for (std::size_t j = 0; j < cols; ++j) row[j] -= right * product * v[j];
    }
  }
  const double inverse = 1 / scale;
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < cols; ++j) padded_[i * side_ + j] = static_cast<float>(from[i * cols + j] * inverse);
  return padded_.data();
}

void CpuDirect32::run(const MatrixBatch& batch, std::size_t first, std::size_t count, std::vector<Spectrum>& spectra,
                      CpuWorkspace& workspace) {
  const MatrixShape shape = batch.shape();
  std::vector<std::size_t> taken;
  std::vector<double> scales, squares;
  for (std::size_t b = first; b < first + count; ++b) {
    const Screening seen = screen(batch.matrix(b));
    spectra[b].id = batch.id(b);
    spectra[b].method = "direct32";
    if (!seen.finite) {
      spectra[b].status = SvdStatus::not_finite;
    } else if (!suits_direct32(shape) || scale_of(seen.largest) != 1 || seen.largest == 0) {
      spectra[b] = gram_spectrum(batch, b, workspace);
    } else {
      taken.push_back(b);
      scales.push_back(std::ldexp(1.0, std::ilogb(seen.largest)));
      squares.push_back(sum_of_squares(batch.matrix(b)));
    }
  }
  if (taken.empty()) return;
  if (side_ != padded_side(shape)) {
    side_ = padded_side(shape);
    kernels_ = make_direct32(vector_set(), side_);
    values_.resize(side_ * Direct32::most_matrices);
  }
  padded_.assign(side_ * side_, 0);
  const std::uint64_t failed = kernels_->run(
      taken.size(), [&](std::size_t m) { return prepared(batch.matrix(taken[m]), shape, scales[m], squares[m]); },
      values_.data());
  for (std::size_t m = 0; m < taken.size(); ++m) {
    const double* found = values_.data() + m * side_;
    std::vector<double> values(found, found + shape.smaller_side());
    for (double& value : values) value *= scales[m];
    Spectrum& spectrum = spectra[taken[m]];
    if ((failed >> m & 1) != 0 || !squares_agree_in_float(values, squares[m], shape)) {
      spectrum = gram_spectrum(batch, taken[m], workspace);
      continue;
    }
    if (drowns_in_rounding(values)) {
      spectrum = direct_spectrum(batch, taken[m], workspace);
      continue;
    }
    spectrum.error_bound = direct32_error_bound(shape, values.front());
    spectrum.values = std::move(values);
  }
}

}  // namespace attnspec
