// What CUDA's libraries compute, on the host: plain loops for the products, Eigen for the solvers.
#pragma once

#include <cstddef>

#include "lib/backend/gpu_jobs.hpp"
#include "lib/core/matrix_shape.hpp"

namespace attnspec::test {

/// Numbers that a set of matrices spans.
std::size_t span_of(const GpuMatrices& matrices, std::size_t rows, std::size_t cols, std::size_t count);

/// Pair `index` of a product; sums are times `rounding`.
void multiply_on_host(const GpuProduct& job, std::size_t index, double rounding);

/// Of a symmetric matrix, rising, times `rounding`. The matrix is lost. Whether it was zero.
bool eigenvalues_on_host(std::size_t n, double* matrix, double* values, double rounding);

/// Of a row-major matrix with rows <= cols, falling. The matrix is lost. Whether it was zero.
bool singular_values_on_host(MatrixShape shape, double* matrix, double* values);

}  // namespace attnspec::test
