// Numbers in fewer bytes, where that changes none of them: what a dump stored in half precision crosses the bus as
// such.
#pragma once

#include <cstddef>
#include <span>

#include "lib/backend/gpu_jobs.hpp"
#include "lib/core/export.hpp"

namespace attnspec {

ATTNSPEC_API std::size_t bytes_of(GpuNumber type);

/// Writes the numbers as `type` to `to`; false, somewhere on the way, where one of them is not such a number.
ATTNSPEC_API bool narrowed(std::span<const double> numbers, GpuNumber type, void* to);

}  // namespace attnspec
