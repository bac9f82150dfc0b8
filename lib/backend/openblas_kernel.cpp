// From CPU features to the name of an OpenBLAS kernel.
#include "lib/backend/openblas_kernel.hpp"

#include <algorithm>
#include <array>

namespace attnspec {

CpuFeatures cpu_features() {
  CpuFeatures features;
#if defined(__x86_64__)
  __builtin_cpu_init();
  features.avx2_fma = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  // The set that OpenBLAS's SkylakeX kernels are compiled for.
  features.avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                    __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
                    __builtin_cpu_supports("avx512cd");
  features.avx512_bf16 = features.avx512 && __builtin_cpu_supports("avx512bf16");
  features.amd = __builtin_cpu_is("amd");
#endif
  return features;
}

KernelChoice choose_kernel(const CpuFeatures& features, std::string_view set_by_user) {
  if (!set_by_user.empty()) return {std::string(set_by_user), "OPENBLAS_CORETYPE is set"};
  if (features.avx512_bf16) return {"Cooperlake", "this CPU has AVX-512 with bfloat16"};
  if (features.avx512) return {"SkylakeX", "this CPU has AVX-512"};
  if (features.avx2_fma) return {features.amd ? "Zen" : "Haswell", "this CPU has AVX2"};
  return {"", "left to OpenBLAS"};
}

bool is_sse_kernel(std::string_view kernel) {
  constexpr std::array sse{"Katmai",    "Coppermine", "Northwood", "Prescott", "Banias",  "Core2",
                           "Penryn",    "Dunnington", "Nehalem",   "Athlon",   "Opteron", "Opteron_SSE3",
                           "Barcelona", "Bobcat",     "Atom",      "Nano",     "Generic"};
  return std::find(sse.begin(), sse.end(), kernel) != sse.end();
}

}  // namespace attnspec
