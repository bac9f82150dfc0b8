// dlopen beside ourselves.
#include "lib/backend/cuda_library.hpp"

#include <dlfcn.h>
#include <unistd.h>

#include "lib/backend/cuda/entry.hpp"
#include "lib/backend/sibling_library.hpp"

namespace attnspec {

std::unique_ptr<GpuDevice> open_cuda_device(std::string& reason) {
  const std::string file = beside_this_library("libattnspec-cuda.so");
  if (access(file.c_str(), F_OK) != 0) {
    reason =
        "this build has no GPU backend: configure attnspec where CMake finds CUDA 12.6.2 or newer (nvcc on PATH), and "
        "build it again";
    return nullptr;
  }
  void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    reason = "libattnspec-cuda.so can not be loaded: " + std::string(dlerror()) +
             ". Install the CUDA libraries that it was built with";
    return nullptr;
  }
  const auto open = reinterpret_cast<decltype(&attnspec_cuda_device)>(dlsym(library, "attnspec_cuda_device"));
  if (open == nullptr) {
    reason = file + " is not of this version of attnspec";
    return nullptr;
  }
  return std::unique_ptr<GpuDevice>(open(&reason));
}

bool has_nvidia_driver() { return access("/proc/driver/nvidia/version", F_OK) == 0; }

}  // namespace attnspec
