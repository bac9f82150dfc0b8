// The OpenBLAS and LAPACKE backend as the registry finds it in libattnspec-openblas.so.
#pragma once

#include <string>

#include "lib/backend/backend.hpp"

namespace attnspec {

enum class CpuMethod { direct, direct32, gram };

/// What OpenBLAS says of itself once it is loaded.
struct OpenBlasFacts {
  std::string config;  ///< "OpenBLAS 0.3.21 ... MAX_THREADS=64"
  std::string kernel;  ///< "SkylakeX"
};

}  // namespace attnspec

extern "C" {
/// A new backend, owned by the caller.
ATTNSPEC_API attnspec::Backend* attnspec_cpu_backend(attnspec::CpuMethod method, unsigned threads);
ATTNSPEC_API void attnspec_openblas_facts(attnspec::OpenBlasFacts* facts);
}
