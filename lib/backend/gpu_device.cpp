// The device's vtable lives here.
#include "lib/backend/gpu_device.hpp"

namespace attnspec {

GpuFailure::GpuFailure(const std::string& what) : std::runtime_error(what) {}
GpuFailure::~GpuFailure() = default;
GpuDevice::~GpuDevice() = default;

}  // namespace attnspec
