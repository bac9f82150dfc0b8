// A few instructions an entry: range and squares for the whole matrix, a sum for each row.
#include "lib/core/quick_look.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <vector>

#include "lib/core/half.hpp"
#include "lib/core/vector_clones.hpp"
#include "lib/core/vector_walk.hpp"

namespace attnspec {
namespace {

using namespace vectors;

/// Of the rows so far. A NaN moves neither the least nor the greatest, but stays in the sum of its row.
template <class Number>
struct Seen {
  typename LanesOf<Number>::Type least{}, greatest{};  ///< and zero
  Bits behind{};                                       ///< all bits behind the mask, one over another
  Doubles squares{};
};

/// The sum of a row. In single precision exact for halves of sums up to 1: they are multiples of 2^-24.
template <class Number>
[[gnu::always_inline]] inline double look_at(const Number* row, std::size_t count, Seen<Number>& seen) {
  using Lanes = typename LanesOf<Number>::Type;
  Lanes sum{}, squares{}, least = seen.least, greatest = seen.greatest;
  walk<Lanes>(row, count, [&](const Lanes& x) {
    sum += x;
    squares += x * x;
    least = x < least ? x : least;
    greatest = x > greatest ? x : greatest;
  });
  seen.least = least;
  seen.greatest = greatest;
  add(squares, seen.squares);
  Doubles all{};
  add(sum, all);
  return total(all);
}

ATTNSPEC_VECTOR_CLONES
double row_sum(const double* row, std::size_t count, Seen<double>& seen) { return look_at(row, count, seen); }
ATTNSPEC_VECTOR_CLONES
double row_sum(const float* row, std::size_t count, Seen<float>& seen) { return look_at(row, count, seen); }

/// One vector over another; the last one overlaps the one before.
ATTNSPEC_VECTOR_CLONES
void look_behind(std::span<const std::byte> bytes, Bits& behind) {
  Bits all = behind, x{};
  if (bytes.size() < sizeof x) {
    if (!bytes.empty()) std::memcpy(&x, bytes.data(), bytes.size());
    behind |= x;
    return;
  }
  for (std::size_t i = 0; i < bytes.size(); i += sizeof x) {
    std::memcpy(&x, bytes.data() + std::min(i, bytes.size() - sizeof x), sizeof x);
    all |= x;
  }
  behind = all;
}

/// numbers(row): the entries of a row as they are added up.
template <class Number, class Stored, class Numbers>
std::optional<double> look(std::span<const Stored> matrix, MatrixShape shape, const Expected& expected,
                           Numbers numbers) {
  if (shape.elements() == 0 || expected.tolerance > refused_row_error) return std::nullopt;
  const double least_sum = expected.row_sum == RowSum::one ? 1 - expected.tolerance : 0;
  Seen<Number> seen;
  for (std::size_t i = 0; i < shape.rows; ++i) {
    const std::span<const Stored> row = matrix.subspan(i * shape.cols, shape.cols);
    const double sum = row_sum(numbers(row), shape.cols, seen);
    if (!(sum >= least_sum && sum <= 1 + expected.tolerance)) return std::nullopt;
    if (!expected.causal) continue;
    look_behind(std::as_bytes(row.subspan(std::min(i + 1, shape.cols))), seen.behind);
    if (expected.window > 0 && i >= expected.window)
      look_behind(std::as_bytes(row.first(std::min(i + 1 - expected.window, shape.cols))), seen.behind);
  }
  bool sound = true;
  for (std::size_t k = 0; k < vector_bytes / sizeof(Number); ++k)
    sound = sound && seen.least[k] >= 0 && seen.greatest[k] <= 1;
  for (std::size_t k = 0; k < vector_bytes / sizeof(std::uint64_t); ++k) sound = sound && seen.behind[k] == 0;
  if (!sound) return std::nullopt;
  return total(seen.squares);
}

}  // namespace

std::optional<double> squares_if_sound(std::span<const double> matrix, MatrixShape shape, const Expected& expected) {
  return look<double>(matrix, shape, expected, [](std::span<const double> row) { return row.data(); });
}

std::optional<double> squares_if_sound(std::span<const std::uint16_t> halves, MatrixShape shape,
                                       const Expected& expected) {
  thread_local std::vector<float> floats;
  floats.resize(shape.cols);
  return look<float>(halves, shape, expected, [](std::span<const std::uint16_t> row) {
    from_halves(std::as_bytes(row).data(), floats.data(), row.size());
    return floats.data();
  });
}

}  // namespace attnspec
