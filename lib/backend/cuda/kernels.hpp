// Our own kernels on a card: everything that is not a product or a decomposition of a library.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>

#include "lib/backend/gpu_jobs.hpp"
#include "lib/core/matrix_shape.hpp"

namespace attnspec::cuda {

cudaError_t widen(cudaStream_t stream, GpuNumber type, const void* from, double* to, std::size_t count);
cudaError_t transpose(cudaStream_t stream, MatrixShape shape, std::size_t count, const double* from, double* to);
cudaError_t attention(cudaStream_t stream, const GpuAttention& job);
cudaError_t panel_factors(cudaStream_t stream, const GpuPanel& job);
cudaError_t panel_sweep(cudaStream_t stream, const GpuPanel& job);
cudaError_t panel_correction(cudaStream_t stream, const GpuPanel& job);
cudaError_t chase(cudaStream_t stream, const GpuChase& job);
cudaError_t tridiagonal_values(cudaStream_t stream, const GpuTridiagonals& job);
cudaError_t exponentials(cudaStream_t stream, std::size_t rows, std::size_t k, double* scores, double* largest,
                         double* sums);
cudaError_t residuals(cudaStream_t stream, const GpuResidual& job);

}  // namespace attnspec::cuda
