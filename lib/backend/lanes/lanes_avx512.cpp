// The kernels for AVX-512.
#define ATTNSPEC_LANES lanes_avx512
#define ATTNSPEC_VECTOR_BYTES 64
#include "lib/backend/lanes/route.hpp"

namespace attnspec {

std::unique_ptr<Direct32> make_direct32_avx512(MatrixShape shape);
std::unique_ptr<Direct32> make_direct32_avx512(MatrixShape shape) {
  using namespace lanes_avx512;
  // The fewer matrices a group, the better it stays in cache; the wider the band, the fewer passes, and the longer the
  // chase. Measured on Zen 5: docs/kernels.md.
  constexpr std::size_t small = 256, large = 1024;
  if (shape.cols <= small) return std::make_unique<Route<4, 4, 32>>(shape);
  if (shape.cols <= large) return std::make_unique<Route<8, 8, 16>>(shape);
  return std::make_unique<Route<16, 16, 16>>(shape);
}

}  // namespace attnspec
