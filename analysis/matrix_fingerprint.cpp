// Multiply and fold, four lanes at a time.
#include "analysis/matrix_fingerprint.hpp"

#include <array>
#include <bit>
#include <cstddef>

namespace attnspec {
namespace {

/// One step is invertible in `state`, so that lanes that differ once never meet again by the same entries.
std::uint64_t mix(std::uint64_t state, std::uint64_t bits) {
  state = (state ^ bits) * 0x9E3779B97F4A7C15U;
  return state ^ (state >> 29);
}

}  // namespace

std::uint64_t fingerprint_of(std::span<const double> matrix, std::uint64_t before) {
  std::array<std::uint64_t, 4> lanes{before, 1, 2, 3};
  for (std::size_t i = 0; i < matrix.size(); ++i)
    lanes[i % 4] = mix(lanes[i % 4], std::bit_cast<std::uint64_t>(matrix[i]));
  std::uint64_t all = matrix.size();
  for (const std::uint64_t lane : lanes) all = mix(all, lane);
  return mix(all, all >> 32);
}

bool is_plain(std::span<const double> matrix, MatrixShape shape) {
  for (std::size_t i = 0; i < shape.rows; ++i) {
    double value = 0;
    for (const double entry : matrix.subspan(i * shape.cols, shape.cols)) {
      if (entry == 0) continue;
      if (value != 0 && entry != value) return false;
      value = entry;
    }
  }
  return true;
}

}  // namespace attnspec
