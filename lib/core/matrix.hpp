// A row-major matrix of doubles that owns its numbers.
#pragma once

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "lib/core/matrix_shape.hpp"

namespace attnspec {

struct Matrix {
  MatrixShape shape;
  std::vector<double> values;  ///< rows x cols, row after row

  Matrix() = default;
  explicit Matrix(MatrixShape s) : shape(s), values(s.elements()) {}
  Matrix(MatrixShape s, std::vector<double> v) : shape(s), values(std::move(v)) {}

  std::size_t rows() const { return shape.rows; }
  std::size_t cols() const { return shape.cols; }
  bool empty() const { return values.empty(); }
  double& operator()(std::size_t i, std::size_t j) { return values[i * shape.cols + j]; }
  double operator()(std::size_t i, std::size_t j) const { return values[i * shape.cols + j]; }
  std::span<double> row(std::size_t i) { return {values.data() + i * shape.cols, shape.cols}; }
  std::span<const double> row(std::size_t i) const { return {values.data() + i * shape.cols, shape.cols}; }
};

}  // namespace attnspec
