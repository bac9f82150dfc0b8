// Eigenvalues of many symmetric matrices on a card in two stages: to bands by sweeps over what is left of them, then to
// tridiagonal matrices and their eigenvalues, a block of threads a matrix.
#pragma once

#include <cstddef>

#include "lib/backend/gpu_device.hpp"
#include "lib/core/export.hpp"

namespace attnspec {

/// Whether a block's own memory holds what the kernels keep of an n x n matrix.
ATTNSPEC_API bool two_stage_fits(GpuDevice& device, std::size_t n);

/// Bytes of the card's memory that `count` n x n matrices take beside themselves, as much again, and their values.
ATTNSPEC_API std::size_t two_stage_workspace(GpuDevice& device, std::size_t n, std::size_t count);

/// As GpuDevice::eigenvalues; the workspace holds zeros. Each value is right to c n eps |A|. `other`: as much memory as
/// `matrices` have; what both hold is lost.
ATTNSPEC_API void two_stage_eigenvalues(GpuDevice& device, unsigned stream, std::size_t n, std::size_t count,
                                        double* matrices, double* other, double* values, int* info, void* workspace);

}  // namespace attnspec
