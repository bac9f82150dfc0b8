// The Gram route's kernels for AVX-512.
#define ATTNSPEC_LANES gram_avx512
#define ATTNSPEC_VECTOR_BYTES 64
#include "lib/backend/lanes/gram_route.hpp"

namespace attnspec {

std::unique_ptr<GramLanes> make_gram_avx512(MatrixShape shape);
std::unique_ptr<GramLanes> make_gram_avx512(MatrixShape shape) {
  using namespace gram_avx512;
  // The wider the band, the fewer walks over the matrix, and the longer the chase.
  constexpr std::size_t small = 256, large = 512;
  if (shape.smaller_side() <= small) return std::make_unique<GramRoute<4, 32>>(shape);
  if (shape.smaller_side() <= large) return std::make_unique<GramRoute<8, 16>>(shape);
  return std::make_unique<GramRoute<16, 16>>(shape);
}

}  // namespace attnspec
