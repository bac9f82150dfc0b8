// Which card there is, or what is missing.
#include "lib/backend/cuda/entry.hpp"

#include <exception>

#include "lib/backend/cuda/device.hpp"

namespace {

std::string version_text(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

/// Empty where the first visible card can be used.
std::string missing() {
  int driver = 0, count = 0;
  cudaDriverGetVersion(&driver);
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (driver == 0)
    return "no NVIDIA driver runs here (libcuda.so.1 is not there). Install it, or run where a GPU is; in a container, "
           "start it with the GPU (--gpus all, --nv)";
  if (status == cudaErrorInsufficientDriver)
    return "the NVIDIA driver is too old: it serves CUDA " + version_text(driver) + ", this build needs " +
           version_text(CUDART_VERSION) + ". Update the driver, or build attnspec with an older CUDA";
  if (status == cudaErrorNoDevice || (status == cudaSuccess && count == 0))
    return "no GPU is visible. Look at nvidia-smi, and at CUDA_VISIBLE_DEVICES";
  if (status != cudaSuccess)
    return std::string("CUDA can not start: ") + cudaGetErrorName(status) + ", " + cudaGetErrorString(status);
  cudaDeviceProp properties{};
  if (const cudaError_t found = cudaGetDeviceProperties(&properties, 0); found != cudaSuccess)
    return std::string("the GPU does not answer: ") + cudaGetErrorString(found);
  constexpr int least_generation = 8;  // tensor cores for fp64
  if (properties.major < least_generation)
    return std::string(properties.name) + " is too old: compute capability " + std::to_string(properties.major) + "." +
           std::to_string(properties.minor) + ", expected 8.0 or more (A100, H100 or newer)";
  return "";
}

}  // namespace

attnspec::GpuDevice* attnspec_cuda_device(std::string* reason) {
  try {
    *reason = missing();
    return reason->empty() ? new attnspec::cuda::Device() : nullptr;
  } catch (const std::exception& failure) {
    *reason = std::string("the GPU can not be used: ") + failure.what();
    return nullptr;
  }
}
