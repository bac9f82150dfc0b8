// A block of threads that works in phases: on a card each phase ends at a barrier, in tests on the host it is a loop.
//
// A kernel is a struct with `threads`, blocks(), memory_numbers() and operator()(block, index, memory), the work of
// block `index`. What one phase writes another thread may read in the next phase and not before; what threads share
// between phases lies in memory that all of them see and is read in phases only, never in a variable of the kernel that
// a phase has written. Everything outside of phases is computed by every thread alike. So the order in which threads
// run within a phase decides nothing, and tests run them in several. Phases of each_warp() end where the threads of a
// warp meet, 32 whose numbers follow one another: what they write only their own warp may read in the next phase, the
// whole block after the next each(), and until then what they refer to stays as it is.
#pragma once

#include <cstddef>
#include <type_traits>

#ifdef __CUDACC__
#define ATTNSPEC_KERNEL __host__ __device__
#else
#define ATTNSPEC_KERNEL
#endif
#ifdef __CUDA_ARCH__
#define ATTNSPEC_UNROLL _Pragma("unroll")
#else
#define ATTNSPEC_UNROLL
#endif

namespace attnspec::gpu_kernels {

/// The widths that bands have.
constexpr unsigned wide = 16, narrow = 8;

/// Calls work with a width that the compiler knows.
template <class Work>
auto with_width(std::size_t width, const Work& work) {
  return width == wide ? work(std::integral_constant<unsigned, wide>())
                       : work(std::integral_constant<unsigned, narrow>());
}

/// Numbers that begin at a multiple of 16 bytes, two at a time on a card.
template <unsigned count>
ATTNSPEC_KERNEL void load(const double* from, double (&to)[count]) {
  static_assert(count % 2 == 0);
#ifdef __CUDA_ARCH__
  ATTNSPEC_UNROLL for (unsigned i = 0; i < count; i += 2) {
    const double2 pair = *reinterpret_cast<const double2*>(from + i);
    to[i] = pair.x;
    to[i + 1] = pair.y;
  }
#else
  for (unsigned i = 0; i < count; ++i) to[i] = from[i];
#endif
}

/// The other way.
ATTNSPEC_KERNEL inline void store(const double* pair, double* to) {
#ifdef __CUDA_ARCH__
  *reinterpret_cast<double2*>(to) = make_double2(pair[0], pair[1]);
#else
  to[0] = pair[0];
  to[1] = pair[1];
#endif
}

/// A number on its way from a card's memory to a block's, or a zero; it is there after finish_fetches() of the thread
/// that has called this, for the others from the next phase on.
ATTNSPEC_KERNEL inline void fetch(const double* from, bool is_there, double* to) {
#ifdef __CUDA_ARCH__
  asm volatile(
      "cp.async.ca.shared.global [%0], [%1], 8, %2;" ::"r"(static_cast<unsigned>(__cvta_generic_to_shared(to))),
      "l"(from), "r"(is_there ? 8 : 0)
      : "memory");
#else
  *to = is_there ? *from : 0;
#endif
}

ATTNSPEC_KERNEL inline void finish_fetches() {
#ifdef __CUDA_ARCH__
  asm volatile("cp.async.wait_all;" ::: "memory");
#endif
}

/// What each thread of a block keeps for itself from phase to phase. On a card of(thread) is its own whichever is asked
/// for, so that only products of warps may ask for another's; on the host it is that thread's.
template <class Numbers, unsigned threads>
class Kept {
#ifdef __CUDA_ARCH__
  Numbers mine_;

 public:
  ATTNSPEC_KERNEL Numbers& of(unsigned) { return mine_; }
#else
  Numbers all_[threads];

 public:
  ATTNSPEC_KERNEL Numbers& of(unsigned thread) { return all_[thread]; }
#endif
};

/// Of four sums, none of which has waited for another.
ATTNSPEC_KERNEL inline double total(const double (&sums)[4]) { return (sums[0] + sums[1]) + (sums[2] + sums[3]); }

/// sum a_i b_i in four sums.
template <unsigned count>
ATTNSPEC_KERNEL double product_of(const double (&a)[count], const double (&b)[count]) {
  double sums[4] = {};
  ATTNSPEC_UNROLL for (unsigned i = 0; i < count; ++i) sums[i % 4] += a[i] * b[i];
  return total(sums);
}

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
