// The kernels for every x86-64 processor.
#define ATTNSPEC_LANES lanes_portable
#define ATTNSPEC_VECTOR_BYTES 16
#include "lib/backend/lanes/route.hpp"

namespace attnspec {

std::unique_ptr<Direct32> make_direct32_portable(MatrixShape shape);
std::unique_ptr<Direct32> make_direct32_portable(MatrixShape shape) {
  return std::make_unique<lanes_portable::Route<4, 4, 8>>(shape);
}

}  // namespace attnspec
