// Our own kernels: everything of a trial and a spectrum that is not a product or a decomposition.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>

#include "lib/backend/gpu_device.hpp"

namespace attnspec::cuda {

cudaError_t widen(cudaStream_t stream, GpuNumber type, const void* from, double* to, std::size_t count);
cudaError_t exponentials(cudaStream_t stream, std::size_t rows, std::size_t k, double* scores, double* largest,
                         double* sums);
cudaError_t residuals(cudaStream_t stream, const GpuResidual& job);

}  // namespace attnspec::cuda
