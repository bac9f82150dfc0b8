// The numbers, and a product in parts.
#include "lib/backend/gpu_fixed_calls.hpp"

namespace attnspec {
namespace {

// Enough to fill a card with the tiles of a product, or with the matrices of a batched solver; little enough that the
// lanes of one call each fit any card, and that a few matrices made up to a whole call cost some milliseconds. On an
// H200 products are a quarter to two thirds dearer at 32 MiB a call than at 128 from n = 256 on, and no cheaper at 512.
constexpr std::size_t most = 256, bytes_of_products = std::size_t{128} << 20, bytes_of_solver = std::size_t{64} << 20;

}  // namespace

std::size_t matrices_a_call(MatrixShape shape, bool by_solver) {
  const std::size_t bytes = by_solver ? bytes_of_solver : bytes_of_products;
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
