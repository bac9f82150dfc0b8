// Whole blocks through one vector loop; what is left over goes through the same loop in a padded block.
#include "lib/core/exponential.hpp"
#include "lib/core/vector_clones.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace attnspec {
namespace {

// A multiple of every vector's width: a loop over one block has no scalar rest, whose rounding could be another.
constexpr std::size_t block_size = 64;

inline double exponential(double x) {
  // Beyond these bounds the result is 0 or infinity all the same, and the exponent below keeps its 12 bits. NaN fails
  // both comparisons and stays.
  x = x < -750 ? -750 : x;
  x = x > 715 ? 715 : x;
  // x = n ln 2 + r, |r| <= ln(2) / 2. Adding 1.5 2^52 leaves n in the last bits, here plus 2046 so that it is positive.
  constexpr double whole = 0x1.8p52 + 2046;
  const double nearest = x * 0x1.71547652b82fep+0 + whole;
  const double n = nearest - whole;
  // ln 2 in two parts, the first so short that n times it is exact.
  const double r = (x - n * 0x1.62e42fee00000p-1) - n * 0x1.a39ef35793c76p-33;
  double p = 1.0 / 6227020800;
  p = p * r + 1.0 / 479001600;
  p = p * r + 1.0 / 39916800;
  p = p * r + 1.0 / 3628800;
  p = p * r + 1.0 / 362880;
  p = p * r + 1.0 / 40320;
  p = p * r + 1.0 / 5040;
  p = p * r + 1.0 / 720;
  p = p * r + 1.0 / 120;
  p = p * r + 1.0 / 24;
  p = p * r + 1.0 / 6;
  p = p * r + 0.5;
  const double power = 1 + (r + (r * r) * p);
  // 2^n in two factors: at both ends of the range 2^n itself is no normal number where e^x is one. n + 2046 is the sum
  // of the factors' exponent fields.
  const auto sum = std::bit_cast<std::uint64_t>(nearest);
  const std::uint64_t half = (sum & 0xFFE) << 51;
  return power * std::bit_cast<double>(half) * std::bit_cast<double>((sum << 52) - half);
}

ATTNSPEC_VECTOR_CLONES
void exponentials_of_blocks(double* x, std::size_t blocks) {
  for (std::size_t b = 0; b < blocks; ++b, x += block_size)
    for (std::size_t i = 0; i < block_size; ++i) x[i] = exponential(x[i]);
}

}  // namespace

void exponentials(std::span<double> x) {
  const std::size_t blocks = x.size() / block_size;
  exponentials_of_blocks(x.data(), blocks);
  const std::span<double> rest = x.subspan(blocks * block_size);
  if (rest.empty()) return;
  std::array<double, block_size> padded{};
  std::copy(rest.begin(), rest.end(), padded.begin());
  exponentials_of_blocks(padded.data(), 1);
  std::copy_n(padded.begin(), rest.size(), rest.begin());
}

}  // namespace attnspec
