// Which instruction set runs.
#include "lib/backend/lanes/direct32.hpp"

#include <cstdlib>

namespace attnspec {

std::unique_ptr<Direct32> make_direct32_avx512(std::size_t n);
std::unique_ptr<Direct32> make_direct32_avx2(std::size_t n);
std::unique_ptr<Direct32> make_direct32_portable(std::size_t n);

VectorSet vector_set() {
  const char* asked = std::getenv("ATTNSPEC_VECTORS");
  const std::string_view wanted = asked == nullptr ? "" : asked;
  __builtin_cpu_init();
  const bool avx512 =
      __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (avx512 && wanted != "avx2" && wanted != "portable") return VectorSet::avx512;
  return avx2 && wanted != "portable" ? VectorSet::avx2 : VectorSet::portable;
}

std::unique_ptr<Direct32> make_direct32(VectorSet set, std::size_t n) {
  switch (set) {
    case VectorSet::avx512: return make_direct32_avx512(n);
    case VectorSet::avx2: return make_direct32_avx2(n);
    default: return make_direct32_portable(n);
  }
}

}  // namespace attnspec
