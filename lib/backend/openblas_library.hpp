// libattnspec-openblas.so, opened once, with OpenBLAS told its kernel before it loads.
#pragma once

#include "lib/backend/cpu_backend.hpp"
#include "lib/backend/registry.hpp"

namespace attnspec {

struct OpenBlasLibrary {
  BlasFacts facts;
  decltype(&attnspec_cpu_backend) make = nullptr;  ///< null where the library could not be loaded
};

/// Loads it on the first call. It is never unloaded.
const OpenBlasLibrary& openblas_library();

}  // namespace attnspec
