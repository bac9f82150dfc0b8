// Families of matrices that have broken singular value codes before.
#include "tests/support/matrices.hpp"

#include <algorithm>
#include <cmath>
#include <random>
#include <stdexcept>

#include "lib/core/half.hpp"

namespace attnspec::test {

std::vector<double> random_attention(MatrixShape shape, double sd, std::uint64_t seed) {
  std::mt19937_64 bits(seed);
  std::normal_distribution<double> normal(0, sd);
  std::vector<double> p(shape.elements());
  for (std::size_t i = 0; i < shape.rows; ++i) {
    double sum = 0;
    for (std::size_t j = 0; j < shape.cols; ++j) sum += p[i * shape.cols + j] = std::exp(normal(bits));
    for (std::size_t j = 0; j < shape.cols; ++j) p[i * shape.cols + j] /= sum;
  }
  return p;
}

const std::vector<std::string>& family_names() {
  static const std::vector<std::string> names{"softmax",    "causal",   "uniform",   "one_hot", "blocks",
                                              "rank_three", "identity", "subnormal", "huge",    "zero",
                                              "sink",       "local",    "noise"};
  return names;
}

std::vector<double> family(const std::string& name, MatrixShape shape, std::uint64_t seed) {
  std::vector<double> p = random_attention(shape, 1, seed);
  const auto at = [&](std::size_t i, std::size_t j) -> double& { return p[i * shape.cols + j]; };
  std::mt19937_64 bits(seed);
  const auto fill = [&](auto entry) {
    for (std::size_t i = 0; i < shape.rows; ++i)
      for (std::size_t j = 0; j < shape.cols; ++j) at(i, j) = entry(i, j);
  };
  if (name == "softmax") return p;
  if (name == "causal")
    fill([](std::size_t i, std::size_t j) { return j <= i ? 1 / static_cast<double>(i + 1) : 0.0; });
  else if (name == "uniform")
    fill([&](std::size_t, std::size_t) { return 1 / static_cast<double>(shape.cols); });
  else if (name == "identity")
    fill([](std::size_t i, std::size_t j) { return i == j ? 1.0 : 0.0; });
  else if (name == "zero")
    fill([](std::size_t, std::size_t) { return 0.0; });
  else if (name == "blocks")
    fill([](std::size_t i, std::size_t j) { return i / 8 == j / 8 ? 0.125 : 0.0; });
  else if (name == "subnormal")
    fill([&](std::size_t i, std::size_t j) { return at(i, j) * 0x1p-1060; });
  else if (name == "huge")
    fill([&](std::size_t i, std::size_t j) { return at(i, j) * 0x1p600; });
  else if (name == "rank_three")
    fill([](std::size_t i, std::size_t j) {
      const auto x = static_cast<double>(i), y = static_cast<double>(j);
      return 1 + std::sin(x) * std::cos(y) + std::cos(0.3 * x) * std::sin(0.7 * y);
    });
  else if (name == "sink")  // most of every row on the first key
    fill([&](std::size_t i, std::size_t j) { return 0.01 * at(i, j) + (j == 0 ? 0.99 : 0.0); });
  else if (name == "local")
    fill([](std::size_t i, std::size_t j) {
      const double distance = static_cast<double>(i) - static_cast<double>(j);
      return std::exp(-distance * distance / 8);
    });
  else if (name == "noise")  // uniform, but for one part in a million
    fill([&](std::size_t i, std::size_t j) {
      return (1 + 1e-6 * std::log(at(i, j))) / static_cast<double>(shape.cols);
    });
  else if (name == "one_hot") {
    fill([](std::size_t, std::size_t) { return 0.0; });
    for (std::size_t i = 0; i < shape.rows; ++i) at(i, bits() % shape.cols) = 1;
  } else
    throw std::invalid_argument("no family " + name);
  return p;
}

MatrixBatch batch_of(MatrixShape shape, const std::vector<std::vector<double>>& matrices) {
  std::vector<MatrixId> ids;
  for (std::size_t b = 0; b < matrices.size(); ++b) ids.push_back({0, 0, b});
  MatrixBatch batch(shape, ids);
  for (std::size_t b = 0; b < matrices.size(); ++b)
    std::copy(matrices[b].begin(), matrices[b].end(), batch.matrix(b).begin());
  return batch;
}

HalfPrecision in_half_precision(MatrixShape shape, const std::vector<std::vector<double>>& matrices) {
  HalfPrecision both{MatrixBatch(shape, std::vector<MatrixId>(matrices.size()), nullptr, BatchNumbers::halves),
                     batch_of(shape, matrices)};
  for (std::size_t b = 0; b < matrices.size(); ++b) {
    to_halves(matrices[b].data(), both.halves.halves(b).data(), shape.elements());
    from_halves(std::as_bytes(both.halves.halves(b)).data(), both.doubles.matrix(b).data(), shape.elements());
  }
  return both;
}

double frobenius_squared(const std::vector<double>& matrix) {
  double sum = 0;
  for (const double entry : matrix) sum += entry * entry;
  return sum;
}

std::vector<std::vector<double>> matrices_of(MatrixShape shape, std::size_t count) {
  std::vector<std::vector<double>> matrices;
  for (std::size_t seed = 0; seed < count; ++seed) matrices.push_back(random_attention(shape, 2, seed));
  return matrices;
}

std::vector<std::vector<double>> values_of(const std::vector<Spectrum>& spectra) {
  std::vector<std::vector<double>> values;
  for (const Spectrum& spectrum : spectra) values.push_back(spectrum.values);
  return values;
}

}  // namespace attnspec::test
