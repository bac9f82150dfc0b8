// A call of CUDA, cuBLAS or cuSOLVER that went wrong becomes a GpuFailure with its name and its reason.
#pragma once

#include <cublas_v2.h>
#include <cuda_runtime_api.h>
#include <cusolverDn.h>

#include <string>

#include "lib/backend/gpu_device.hpp"

namespace attnspec::cuda {

[[noreturn]] inline void fail(const char* call, const std::string& reason) {
  throw GpuFailure(std::string(call) + ": " + reason);
}

inline void check(const char* call, cudaError_t status) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // it is not to come up again at the next launch
  fail(call, std::string(cudaGetErrorName(status)) + ", " + cudaGetErrorString(status));
}

inline void check(const char* call, cublasStatus_t status) {
  if (status != CUBLAS_STATUS_SUCCESS) fail(call, cublasGetStatusString(status));
}

/// cuSOLVER has no texts of its own.
inline std::string name_of(cusolverStatus_t status) {
  switch (status) {
    case CUSOLVER_STATUS_NOT_INITIALIZED: return "not initialised";
    case CUSOLVER_STATUS_ALLOC_FAILED: return "no memory";
    case CUSOLVER_STATUS_INVALID_VALUE: return "a value it does not take, as a matrix that is too large for it";
    case CUSOLVER_STATUS_ARCH_MISMATCH: return "not for this card";
    case CUSOLVER_STATUS_EXECUTION_FAILED: return "its work on the card failed";
    case CUSOLVER_STATUS_INTERNAL_ERROR: return "internal error";
    case CUSOLVER_STATUS_NOT_SUPPORTED: return "not supported";
    default: return "it gives no reason";
  }
}

inline void check(const char* call, cusolverStatus_t status) {
  if (status == CUSOLVER_STATUS_SUCCESS) return;
  fail(call, name_of(status) + " (status " + std::to_string(static_cast<int>(status)) + ")");
}

}  // namespace attnspec::cuda
