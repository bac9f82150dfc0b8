// A block of threads that works in phases: on a card each phase ends at a barrier, in tests on the host it is a loop.
//
// A kernel is a struct with `threads`, blocks(), memory_numbers() and operator()(block, index, memory), the work of
// block `index`. What one phase writes another thread may read in the next phase and not before; what threads share
// between phases lies in memory that all of them see and is read in phases only, never in a variable of the kernel that
// a phase has written. Everything outside of phases is computed by every thread alike. So the order in which threads
// run within a phase decides nothing, and tests run them in several.
#pragma once

#include <cstddef>

#ifdef __CUDACC__
#define ATTNSPEC_KERNEL __host__ __device__
#else
#define ATTNSPEC_KERNEL
#endif

namespace attnspec::gpu_kernels {

struct Sum {
  ATTNSPEC_KERNEL double operator()(double a, double b) const { return a + b; }
};

struct Largest {
  ATTNSPEC_KERNEL double operator()(double a, double b) const { return a > b ? a : b; }
};

/// Leaves the fold of values[0, count) in values[0]; count is a power of two. Pairs are folded in an order that count
/// alone decides.
template <class Block, class Fold>
ATTNSPEC_KERNEL void fold_to_first(Block& block, double* values, std::size_t count, Fold fold) {
  for (std::size_t half = count / 2; half > 0; half /= 2)
    block.each([&](std::size_t thread) {
      if (thread < half) values[thread] = fold(values[thread], values[thread + half]);
    });
}

}  // namespace attnspec::gpu_kernels
