// libattnspec-cuda.so, opened when somebody asks for the GPU and not before: its libraries take up to a second to load.
#pragma once

#include <memory>
#include <string>

#include "lib/backend/gpu_device.hpp"

namespace attnspec {

/// The first visible card; null, with what is missing and the remedy in `reason`, where it can not be used.
std::unique_ptr<GpuDevice> open_cuda_device(std::string& reason);

/// Whether an NVIDIA driver runs on this machine; loads nothing.
bool has_nvidia_driver();

}  // namespace attnspec
