// The table.
#include "lib/backend/gpu_routes.hpp"

#include <limits>
#include <string_view>

#include "lib/core/error.hpp"

namespace attnspec {
namespace {

struct Row {
  std::size_t up_to;  ///< n
  GpuEigenRoute route;
};

// Measured on an H200 (tests/bench/results/*h200*, by tests/gpu.sh): our own two stages win at every n, least where
// matrices are small. Where nothing was measured cuSOLVER stays.
constexpr Row table[] = {
    {2048, GpuEigenRoute::two_stage}, {std::numeric_limits<std::size_t>::max(), GpuEigenRoute::apart},  // unmeasured
};

}  // namespace

GpuEigenRoute route_of(std::size_t n) {
  for (const Row& row : table)
    if (n <= row.up_to) return row.route;
  return GpuEigenRoute::apart;
}

std::optional<GpuEigenRoute> parse_route(const char* name) {
  const std::string_view text = name == nullptr ? "" : name;
  if (text.empty()) return std::nullopt;
  if (text == "together") return GpuEigenRoute::together;
  if (text == "apart") return GpuEigenRoute::apart;
  if (text == "two-stage") return GpuEigenRoute::two_stage;
  throw Error(ErrorKind::usage,
              "ATTNSPEC_GPU_ROUTE is \"" + std::string(text) + "\", expected together, apart or two-stage");
}

}  // namespace attnspec
