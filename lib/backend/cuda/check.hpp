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
  if (status != cudaSuccess) fail(call, std::string(cudaGetErrorName(status)) + ", " + cudaGetErrorString(status));
}

inline void check(const char* call, cublasStatus_t status) {
  if (status != CUBLAS_STATUS_SUCCESS) fail(call, cublasGetStatusString(status));
}

inline void check(const char* call, cusolverStatus_t status) {
  if (status != CUSOLVER_STATUS_SUCCESS) fail(call, "status " + std::to_string(static_cast<int>(status)));
}

}  // namespace attnspec::cuda
