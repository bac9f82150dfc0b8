// The Gram route's kernels for every x86-64 processor.
#define ATTNSPEC_LANES gram_portable
#define ATTNSPEC_VECTOR_BYTES 16
#include "lib/backend/lanes/gram_route.hpp"

namespace attnspec {

std::unique_ptr<GramLanes> make_gram_portable(MatrixShape shape);
std::unique_ptr<GramLanes> make_gram_portable(MatrixShape shape) {
  using namespace gram_portable;
  // The wider the band, the fewer walks over the matrix, and the longer the chase.
  constexpr std::size_t small = 256, large = 512;
  if (shape.smaller_side() <= small) return std::make_unique<GramRoute<4, 8>>(shape);
  if (shape.smaller_side() <= large) return std::make_unique<GramRoute<8, 8>>(shape);
  return std::make_unique<GramRoute<8, 8>>(shape);
}

}  // namespace attnspec
