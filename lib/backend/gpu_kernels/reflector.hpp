// A Householder reflection H = I - tau v v^T, v_0 = 1, that leaves of a vector x its first entry only (Golub and Van
// Loan 2013, algorithm 5.1.1).
#pragma once

#include <cmath>

#include "lib/backend/gpu_kernels/block.hpp"

namespace attnspec::gpu_kernels {

struct Reflector {
  double tau = 0;    ///< 0: H = I
  double first = 0;  ///< of H x
  double scale = 0;  ///< v_i = scale x_i, i > 0
};

/// In one go, as a card has it, cheaper than a root and a division after it.
ATTNSPEC_KERNEL inline double reciprocal_root(double x) {
#ifdef __CUDA_ARCH__
  return rsqrt(x);
#else
  return 1 / std::sqrt(x);
#endif
}

/// From x_0 and sum_{i>0} x_i^2. A sum so small that it has lost digits counts as none: entries below 2^-480 are
/// nothing beside a Gram matrix whose norm is above 2^-400 (lib/backend/screening).
ATTNSPEC_KERNEL inline Reflector reflector_of(double x_0, double rest) {
  constexpr double least = 0x1p-960;
  if (!(rest > least)) return {0, x_0, 0};
  const double square = x_0 * x_0 + rest, over_norm = reciprocal_root(square), norm = square * over_norm,
               first = x_0 > 0 ? -norm : norm;
  return {1 + std::fabs(x_0) * over_norm, first, 1 / (x_0 - first)};
}

}  // namespace attnspec::gpu_kernels
