// The kernels for AVX2 and FMA.
#define ATTNSPEC_LANES lanes_avx2
#define ATTNSPEC_VECTOR_BYTES 32
#include "lib/backend/lanes/route.hpp"

namespace attnspec {

std::unique_ptr<Direct32> make_direct32_avx2(std::size_t n);
std::unique_ptr<Direct32> make_direct32_avx2(std::size_t n) { return std::make_unique<lanes_avx2::Route<4, 4>>(n); }

}  // namespace attnspec
