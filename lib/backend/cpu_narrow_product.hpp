// A large matrix times a narrow one, without packing either: what a projection trial is made of.
#pragma once

#include <cstddef>

namespace attnspec {

struct NarrowProduct {
  std::size_t rows = 0, cols = 0, inner = 0;  ///< of op(a) [rows, inner] and b [inner, cols]
  const double* a = nullptr;                  ///< row-major; with `transposed` [inner, rows]
  std::size_t a_stride = 0;
  bool transposed = false;
  const double* b = nullptr;  ///< row-major, rows side by side: stride cols
  double* c = nullptr;        ///< row-major, stride cols
  bool add = false;           ///< c += op(a) b instead of c = op(a) b
};

/// Every entry is a sum over `inner` in order, so its bits do not depend on what stands beside it. dgemm packs its
/// large operand anew for every narrow one, which costs more than a third of a product with 32 columns. The widest
/// vectors that the CPU has are used; ATTNSPEC_VECTORS=portable, avx2 or avx512 narrows the choice.
void narrow_product(const NarrowProduct& product);

}  // namespace attnspec
