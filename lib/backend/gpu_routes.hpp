// Which way eigenvalues are found on a card, by n.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "lib/backend/gpu_jobs.hpp"
#include "lib/core/export.hpp"

namespace attnspec {

/// The table's row for matrices of this side.
ATTNSPEC_API GpuEigenRoute route_of(std::size_t n);

/// together, apart, two-stage: a benchmark's way around the table. Empty or null: none. Throws Error(usage) for another
/// name.
ATTNSPEC_API std::optional<GpuEigenRoute> parse_route(const char* name);

}  // namespace attnspec
