// The instruction set of the kernels, for as long as a test wants it.
#pragma once

#include <cstdlib>
#include <string>

namespace attnspec::test {

/// ATTNSPEC_VECTORS for as long as this lives: avx512, avx2 or portable, where the CPU has it.
class Vectors {
 public:
  explicit Vectors(const std::string& set) { setenv("ATTNSPEC_VECTORS", set.c_str(), 1); }
  Vectors(const Vectors&) = delete;
  Vectors& operator=(const Vectors&) = delete;
  ~Vectors() { unsetenv("ATTNSPEC_VECTORS"); }
};

}  // namespace attnspec::test
