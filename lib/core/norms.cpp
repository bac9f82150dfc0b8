// Eight lanes and a tail.
#include "lib/core/norms.hpp"

#include <array>
#include <cstddef>
#include <numeric>

namespace attnspec {

double sum_of_squares(std::span<const double> values) {
  constexpr std::size_t lanes = 8;
  std::array<double, lanes> sums{};
  std::size_t i = 0;
  for (; i + lanes <= values.size(); i += lanes)
    for (std::size_t k = 0; k < lanes; ++k) sums[k] += values[i + k] * values[i + k];
  for (; i < values.size(); ++i) sums[0] += values[i] * values[i];
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

}  // namespace attnspec
