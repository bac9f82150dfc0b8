// Projection trials on a card: heads stay there, R comes from the host, errors and their norms go back.
#pragma once

#include <cstddef>
#include <span>

#include "lib/backend/gpu_device.hpp"
#include "lib/core/construction.hpp"
#include "lib/core/export.hpp"
#include "lib/core/head.hpp"

namespace attnspec {

/// As Backend::output_errors, within `budget` bytes of the card's memory. Heads of one shape are worked on together, as
/// many as fit. Throws Error(limit) where not one does; GpuFailure where the card fails.
ATTNSPEC_API void gpu_output_errors(GpuDevice& device, std::size_t budget, std::span<const Head* const> heads,
                                    std::span<const ProjectionPair> trials, std::span<const Construction> constructions,
                                    ErrorSink& sink);

}  // namespace attnspec
