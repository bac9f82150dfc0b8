// The kernels for AVX-512.
#define ATTNSPEC_LANES lanes_avx512
#define ATTNSPEC_VECTOR_BYTES 64
#include "lib/backend/lanes/route.hpp"

namespace attnspec {

std::unique_ptr<Direct32> make_direct32_avx512(std::size_t n);
std::unique_ptr<Direct32> make_direct32_avx512(std::size_t n) {
  if (n > 256)
    return std::make_unique<lanes_avx512::Route<8, 8>>(n);  // half as many matrices, so that they stay in cache
  return std::make_unique<lanes_avx512::Route<4, 4>>(n);
}

}  // namespace attnspec
