// The one place where tests say how much rounding they accept.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "lib/core/matrix_shape.hpp"

namespace attnspec::test {

inline constexpr double epsilon = std::numeric_limits<double>::epsilon();

/// Of a singular value, absolute: c eps n sigma_1 for methods that see the matrix itself (measured worst: c = 2.4, at n
/// = 6), and sqrt(c eps n) sigma_1 for the Gram matrix, which squares it (measured worst: c = 0.09, at n = 3).
inline double sigma_tolerance(const std::string& method, MatrixShape shape, double sigma_1) {
  const auto n = static_cast<double>(std::max(shape.rows, shape.cols));
  const double direct = 10 * epsilon * n * sigma_1;
  if (method == "direct32") return 2 * std::sqrt(n) * std::numeric_limits<float>::epsilon() * sigma_1;
  return method == "gram" ? std::sqrt(4 * epsilon * n) * sigma_1 : direct;
}

/// Of an eigenvalue of a symmetric matrix, through a band and by bisection (measured worst: 0.13 of it, at n = 4).
inline double eigenvalue_tolerance(std::size_t n, double largest) {
  return 4 * static_cast<double>(n + 4) * epsilon * largest;
}

/// Of P made from Q and K elsewhere, as a part of each entry: Backend::takes_queries_and_keys has the bound (measured
/// worst of a singular value on the host, in units of it times |P|_F: 0.003).
inline double attention_tolerance(std::size_t rank, std::size_t keys, double largest_score) {
  return 4 * static_cast<double>(rank + keys) * epsilon * (1 + largest_score);
}

/// Of a normalised cumulative curve against its closed form.
inline double curve_tolerance(const std::string& method) {
  return method == "gram" ? 2e-6 : method == "direct32" ? 1e-6 : 1e-12;
}

/// Of an entry of a construction's error: three products and a softmax over n terms of normal numbers, whose partial
/// sums may be sqrt(n) times larger than what is left of them (measured worst: see test_output_errors.cpp).
inline double output_tolerance(std::size_t n, double largest) {
  const auto terms = static_cast<double>(n);
  return 50 * epsilon * terms * (std::sqrt(terms) + largest);
}

}  // namespace attnspec::test
