// A product of zeros is zero, whatever else a call holds.
#include "tests/support/host_algebra.hpp"

#include <Eigen/Eigenvalues>
#include <Eigen/SVD>

#include <algorithm>
#include <cmath>
#include <span>

namespace attnspec::test {
namespace {

using ColumnMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic>;

double entry(const GpuMatrices& matrices, std::size_t index, std::size_t i, std::size_t j) {
  const double* start = matrices.start + index * matrices.step;
  return matrices.transposed ? start[j * matrices.stride + i] : start[i * matrices.stride + j];
}

bool is_zero(std::span<const double> numbers) {
  return std::all_of(numbers.begin(), numbers.end(), [](double number) { return number == 0; });
}

/// Whether one matrix is zero and no NaN of the other's comes of it.
bool vanishes(const GpuProduct& job, std::size_t index) {
  bool zero_a = true, zero_b = true, finite = true;
  const auto look = [&](const GpuMatrices& matrices, std::size_t rows, std::size_t cols, bool& zero) {
    for (std::size_t i = 0; i < rows; ++i)
      for (std::size_t j = 0; j < cols; ++j) {
        const double number = entry(matrices, index, i, j);
        zero = zero && number == 0;
        finite = finite && std::isfinite(number);
      }
  };
  look(job.a, job.rows, job.inner, zero_a);
  look(job.b, job.inner, job.cols, zero_b);
  return finite && (zero_a || zero_b);
}

}  // namespace

std::size_t span_of(const GpuMatrices& matrices, std::size_t rows, std::size_t cols, std::size_t count) {
  const std::size_t stored_rows = matrices.transposed ? cols : rows, stored_cols = matrices.transposed ? rows : cols;
  return (count - 1) * matrices.step + (stored_rows - 1) * matrices.stride + stored_cols;
}

void multiply_on_host(const GpuProduct& job, std::size_t index, double rounding) {
  const bool nothing = vanishes(job, index);
  for (std::size_t i = 0; i < job.rows; ++i)
    for (std::size_t j = 0; j < job.cols; ++j) {
      double sum = 0;
      for (std::size_t l = 0; l < job.inner && !nothing; ++l)
        sum += entry(job.a, index, i, l) * entry(job.b, index, l, j);
      double& cell = job.result[index * job.step + i * job.stride + j];
      cell = job.factor * sum * rounding + (job.keep == 0 ? 0 : job.keep * cell);
    }
}

bool eigenvalues_on_host(std::size_t n, double* matrix, double* values, double rounding) {
  const auto side = static_cast<Eigen::Index>(n);
  Eigen::Map<ColumnMajor> a(matrix, side, side);
  Eigen::Map<Eigen::VectorXd> found(values, side);
  const bool nothing = is_zero({matrix, n * n});
  if (nothing)
    found.setZero();
  else
    found = rounding * Eigen::SelfAdjointEigenSolver<ColumnMajor>(a, Eigen::EigenvaluesOnly).eigenvalues();
  a.setConstant(-1);
  return nothing;
}

bool singular_values_on_host(MatrixShape shape, double* matrix, double* values) {
  Eigen::Map<ColumnMajor> turned(matrix, static_cast<Eigen::Index>(shape.cols), static_cast<Eigen::Index>(shape.rows));
  const bool nothing = is_zero({matrix, shape.elements()});
  const Eigen::JacobiSVD<ColumnMajor> svd(turned);
  std::copy_n(svd.singularValues().data(), shape.rows, values);
  turned.setConstant(-1);
  return nothing;
}

}  // namespace attnspec::test
