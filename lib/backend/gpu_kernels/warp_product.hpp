// A small product by the threads of a warp: on a card's tensor cores, and on the host by each thread for itself.
#pragma once

#include "lib/backend/gpu_kernels/block.hpp"

namespace attnspec::gpu_kernels {

/// c += a b, of a(i, k) with 16 x 16 and b(k, j) with 16 x 8 entries, by all threads of a warp. On a card one of them
/// asks for rows lane / 4 and eight below of a, column lane / 4 of b, and every fourth k from lane % 4 on; on the host
/// for all that it needs. A thread holds c_0 and c_1 of row lane / 4, columns 2 (lane % 4) and the next, and c_2 and
/// c_3 eight rows below: what mma.m16n8k16 of PTX's ISA gives each.
template <class A, class B>
ATTNSPEC_KERNEL void add_warp_product(unsigned lane, const A& a, const B& b, double (&c)[4]) {
  const unsigned row = lane / 4, place = lane % 4;
#ifdef __CUDA_ARCH__
  double of_a[8], of_b[4];
  ATTNSPEC_UNROLL for (unsigned q = 0; q < 4; ++q) {
    of_a[2 * q] = a(row, place + 4 * q);
    of_a[2 * q + 1] = a(row + 8, place + 4 * q);
    of_b[q] = b(place + 4 * q, row);
  }
#if __CUDA_ARCH__ >= 900
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f64.f64.f64.f64 {%0, %1, %2, %3}, {%4, %5, %6, %7, %8, %9, %10, %11}, "
      "{%12, %13, %14, %15}, {%0, %1, %2, %3};"
      : "+d"(c[0]), "+d"(c[1]), "+d"(c[2]), "+d"(c[3])
      : "d"(of_a[0]), "d"(of_a[1]), "d"(of_a[2]), "d"(of_a[3]), "d"(of_a[4]), "d"(of_a[5]), "d"(of_a[6]), "d"(of_a[7]),
        "d"(of_b[0]), "d"(of_b[1]), "d"(of_b[2]), "d"(of_b[3]));
#else
  ATTNSPEC_UNROLL for (unsigned q = 0; q < 4; ++q)
      ATTNSPEC_UNROLL for (unsigned half = 0; half < 2; ++half) asm volatile(
          "mma.sync.aligned.m8n8k4.row.col.f64.f64.f64.f64 {%0, %1}, {%2}, {%3}, {%0, %1};" : "+d"(c[2 * half]),
          "+d"(c[2 * half + 1]) : "d"(of_a[2 * q + half]), "d"(of_b[q]));
#endif
#else
  for (unsigned at = 0; at < 4; ++at)
    for (unsigned k = 0; k < 16; ++k) c[at] += a(row + at / 2 * 8, k) * b(k, 2 * place + at % 2);
#endif
}

}  // namespace attnspec::gpu_kernels
