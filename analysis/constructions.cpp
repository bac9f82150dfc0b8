// The pairs (E, F).
#include "analysis/constructions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace attnspec {
namespace {

double map_scale(std::size_t k) { return 1 / std::sqrt(static_cast<double>(k)); }

}  // namespace

Construction theorem1_construction(std::size_t k) { return {Form::linear, k, map_scale(k), map_scale(k)}; }

Construction theorem2_construction(Form form, std::size_t k, double delta) {
  return {form, k, delta * map_scale(k), std::exp(-delta) * map_scale(k)};
}

Construction gaussian_construction(Form form, std::size_t k) { return {form, k, map_scale(k), map_scale(k)}; }

FixedConstruction zero_construction() { return {{Form::linear, 0, 0, 0}, nullptr}; }

FixedConstruction mean_construction(std::size_t tokens) {
  Matrix mean(MatrixShape{1, tokens});
  std::fill(mean.values.begin(), mean.values.end(), 1 / static_cast<double>(tokens));
  return {{Form::softmax, 1, 0, 1}, std::make_shared<const Matrix>(std::move(mean))};
}

FixedConstruction svd_construction(std::size_t k, std::shared_ptr<const Matrix> vectors) {
  const std::size_t rank = std::min(k, vectors->rows());
  return {{Form::linear, rank, 1, 1}, std::move(vectors)};
}

FixedConstruction pool_construction(std::size_t k, std::size_t tokens) {
  Matrix pool(MatrixShape{k, tokens});
  for (std::size_t r = 0; r < k; ++r) {
    const std::size_t first = r * tokens / k, last = (r + 1) * tokens / k;
    for (std::size_t j = first; j < last; ++j) pool(r, j) = 1 / static_cast<double>(last - first);
  }
  return {{Form::softmax, k, 1, 1}, std::make_shared<const Matrix>(std::move(pool))};
}

double value_of(const Delta& delta, std::size_t n) {
  switch (delta.kind) {
    case Delta::Kind::two_to_minus_n: return n > 1074 ? 0 : std::ldexp(1.0, -static_cast<int>(n));
    case Delta::Kind::one_over_n: return 1 / static_cast<double>(n);
    case Delta::Kind::number: break;
  }
  return delta.number;
}

std::string name_of(const Delta& delta, std::size_t n) {
  switch (delta.kind) {
    case Delta::Kind::two_to_minus_n: return n > 1074 ? "2^-n (its limit, 0)" : "2^-n";
    case Delta::Kind::one_over_n: return "1/n";
    case Delta::Kind::number: break;
  }
  return fmt::format("{}", delta.number);
}

}  // namespace attnspec
