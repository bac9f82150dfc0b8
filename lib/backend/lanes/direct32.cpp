// Which instruction set runs.
#include "lib/backend/lanes/direct32.hpp"

#include <cstdlib>
#include <string_view>

namespace attnspec {

std::unique_ptr<Direct32> make_direct32_avx512(MatrixShape shape);
std::unique_ptr<Direct32> make_direct32_avx2(MatrixShape shape);
std::unique_ptr<Direct32> make_direct32_portable(MatrixShape shape);

std::size_t matrices_at_once(MatrixShape shape) {
  constexpr std::size_t small = 256;  // beyond it the last stage, which gains by company, is a few percent of the time
  return shape.rows <= small && shape.cols <= small ? 2 * lanes_full : lanes_full;
}

VectorSet vector_set() {
  const char* asked = std::getenv("ATTNSPEC_VECTORS");
  const std::string_view wanted = asked == nullptr ? "" : asked;
  __builtin_cpu_init();
  const bool avx512 =
      __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
  if (avx512 && wanted != "avx2" && wanted != "portable") return VectorSet::avx512;
  return avx2 && wanted != "portable" ? VectorSet::avx2 : VectorSet::portable;
}

std::uint64_t planted_failures() {
  const char* bits = std::getenv("ATTNSPEC_NOT_CONVERGED");
  return bits == nullptr ? 0 : std::strtoull(bits, nullptr, 0);
}

std::unique_ptr<Direct32> make_direct32(VectorSet set, MatrixShape shape) {
  switch (set) {
    case VectorSet::avx512: return make_direct32_avx512(shape);
    case VectorSet::avx2: return make_direct32_avx2(shape);
    default: return make_direct32_portable(shape);
  }
}

}  // namespace attnspec
