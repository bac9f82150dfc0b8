// What a run says of the card it works on.
#pragma once

#include <cstddef>
#include <string>

namespace attnspec {

struct GpuFacts {
  std::string name;        ///< "NVIDIA H200"
  std::string capability;  ///< "9.0"
  std::string driver;      ///< the newest CUDA that the driver serves, "13.0"
  std::string libraries;   ///< "CUDA 13.0, cuBLAS 13.0.0, cuSOLVER 12.0.4"
  std::size_t total_bytes = 0, free_bytes = 0;
};

}  // namespace attnspec
