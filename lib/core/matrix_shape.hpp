// Rows and columns of a matrix.
#pragma once

#include <compare>
#include <cstddef>

namespace attnspec {

struct MatrixShape {
  std::size_t rows = 0, cols = 0;

  std::size_t elements() const { return rows * cols; }
  /// The number of singular values.
  std::size_t smaller_side() const { return rows < cols ? rows : cols; }
  auto operator<=>(const MatrixShape&) const = default;
};

}  // namespace attnspec
