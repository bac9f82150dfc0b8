// Which of OpenBLAS's kernels this CPU deserves. Debian 12's OpenBLAS takes some new CPUs for SSE3 ones and runs at a
// quarter of their speed; the variable that corrects it is read when the library loads.
#pragma once

#include <string>
#include <string_view>

#include "lib/core/export.hpp"

namespace attnspec {

struct KernelChoice {
  std::string core_type;  ///< for OPENBLAS_CORETYPE; empty: leave it to OpenBLAS
  std::string reason;     ///< "this CPU has AVX-512", "OPENBLAS_CORETYPE is set", ...
};

/// What the CPU can do, as far as OpenBLAS's kernels ask.
struct CpuFeatures {
  bool avx2_fma = false, avx512 = false, avx512_bf16 = false, amd = false;
};

ATTNSPEC_API CpuFeatures cpu_features();

/// `set_by_user` is the value of OPENBLAS_CORETYPE, empty where it is not set; it wins.
ATTNSPEC_API KernelChoice choose_kernel(const CpuFeatures& features, std::string_view set_by_user);

/// True for kernels that use nothing beyond SSE4.
ATTNSPEC_API bool is_sse_kernel(std::string_view kernel);

}  // namespace attnspec
