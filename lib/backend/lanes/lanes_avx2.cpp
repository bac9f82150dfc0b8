// The kernels for AVX2 and FMA.
#define ATTNSPEC_LANES lanes_avx2
#define ATTNSPEC_VECTOR_BYTES 32
#include "lib/backend/lanes/route.hpp"

namespace attnspec {

std::unique_ptr<Direct32> make_direct32_avx2(MatrixShape shape);
std::unique_ptr<Direct32> make_direct32_avx2(MatrixShape shape) {
  using namespace lanes_avx2;
  constexpr std::size_t small = 256;
  if (shape.cols <= small) return std::make_unique<Route<4, 4, 16>>(shape);
  return std::make_unique<Route<8, 8, 16>>(shape);
}

}  // namespace attnspec
