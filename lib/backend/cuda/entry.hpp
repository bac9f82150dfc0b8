// The CUDA device as cuda_library.cpp finds it in libattnspec-cuda.so.
#pragma once

#include <string>

#include "lib/backend/gpu_device.hpp"

extern "C" {
/// A new device, owned by the caller; null, with the reason and the remedy, where there is none to use.
ATTNSPEC_API attnspec::GpuDevice* attnspec_cuda_device(std::string* reason);
}
