// The numbers, and a product in parts.
#include "lib/backend/gpu_fixed_calls.hpp"
#include <cstdlib>
#include <string>

namespace attnspec {
namespace {

// Enough to fill a card with the tiles of a product, or with the matrices of a batched solver; little enough that two
// lanes of one call each fit any card, and that a few matrices made up to a whole call cost some milliseconds.
// Unmeasured.
constexpr std::size_t most = 256, bytes_of_products = std::size_t{32} << 20, bytes_of_solver = std::size_t{64} << 20;

}  // namespace

std::size_t matrices_a_call(MatrixShape shape, bool by_solver) {
  static const std::size_t experiment = std::getenv("CALL_MIB") ? std::stoul(std::getenv("CALL_MIB")) << 20 : bytes_of_products;
  const std::size_t bytes = by_solver ? bytes_of_solver : experiment;
  std::size_t count = most;
  while (count > 2 && count * shape.elements() * sizeof(double) > bytes) count /= 2;
  return count;
}

void multiply_in_calls(GpuDevice& device, unsigned stream, GpuProduct product, std::size_t a_call) {
  const std::size_t count = product.count;
  product.count = a_call;
  for (std::size_t first = 0; first < count; first += a_call) {
    device.multiply(stream, product);
    product.a.start += a_call * product.a.step;
    product.b.start += a_call * product.b.step;
    product.result += a_call * product.step;
  }
}

}  // namespace attnspec
