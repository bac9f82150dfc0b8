// The matrices, one function a kind.
#include "lib/dump/synthetic.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <random>

#include "lib/core/error.hpp"

namespace attnspec {
namespace {

using Matrix = std::vector<double>;

std::mt19937_64 generator(const SyntheticOptions& options, const MatrixId& id) {
  const auto low = [](std::uint64_t x) { return static_cast<std::uint32_t>(x); };
  std::seed_seq seed{low(options.seed), low(options.seed >> 32), low(id.sample), low(id.layer), low(id.head)};
  return std::mt19937_64(seed);
}

/// Standard normals by Box and Muller (1958), so that a seed means the same numbers everywhere.
std::vector<double> normals(std::mt19937_64& bits, std::size_t count, double sd) {
  std::vector<double> out(count);
  for (std::size_t i = 0; i < count; i += 2) {
    const double u = (static_cast<double>(bits() >> 11) + 1) * 0x1p-53, v = static_cast<double>(bits() >> 11) * 0x1p-53;
    const double radius = sd * std::sqrt(-2 * std::log(u)), angle = 2 * std::numbers::pi * v;
    out[i] = radius * std::cos(angle);
    if (i + 1 < count) out[i + 1] = radius * std::sin(angle);
  }
  return out;
}

Matrix identity(const SyntheticOptions& o, const MatrixId&) {
  Matrix p(o.n * o.n, 0.0);
  for (std::size_t i = 0; i < o.n; ++i) p[i * o.n + i] = 1;
  return p;
}

Matrix uniform(const SyntheticOptions& o, const MatrixId&) { return Matrix(o.n * o.n, 1 / static_cast<double>(o.n)); }

/// Every query looks at the token before it, the first at itself.
Matrix previous(const SyntheticOptions& o, const MatrixId&) {
  Matrix p(o.n * o.n, 0.0);
  for (std::size_t i = 0; i < o.n; ++i) p[i * o.n + (i == 0 ? 0 : i - 1)] = 1;
  return p;
}

Matrix one_hot(const SyntheticOptions& o, const MatrixId& id) {
  Matrix p(o.n * o.n, 0.0);
  auto bits = generator(o, id);
  for (std::size_t i = 0; i < o.n; ++i) p[i * o.n + bits() % o.n] = 1;
  return p;
}

Matrix blocks(const SyntheticOptions& o, const MatrixId&) {
  if (o.block == 0) throw Error(ErrorKind::usage, "--block 0: expected a block of at least one row");
  Matrix p(o.n * o.n, 0.0);
  for (std::size_t i = 0; i < o.n; ++i) {
    const std::size_t first = i / o.block * o.block, last = std::min(first + o.block, o.n);
    for (std::size_t j = first; j < last; ++j) p[i * o.n + j] = 1 / static_cast<double>(last - first);
  }
  return p;
}

Matrix banded(const SyntheticOptions& o, const MatrixId&) {
  const std::size_t band = 2 * o.width + 1;
  if (band > o.n)
    throw Error(ErrorKind::usage, "--width " + std::to_string(o.width) + ": a band of " + std::to_string(band) +
                                      " does not fit n = " + std::to_string(o.n));
  Matrix p(o.n * o.n, 0.0);
  for (std::size_t i = 0; i < o.n; ++i)
    for (std::size_t j = 0; j < band; ++j) p[i * o.n + (i + o.n + j - o.width) % o.n] = 1 / static_cast<double>(band);
  return p;
}

Matrix causal(const SyntheticOptions& o, const MatrixId&) {
  Matrix p(o.n * o.n, 0.0);
  for (std::size_t i = 0; i < o.n; ++i)
    for (std::size_t j = 0; j <= i; ++j) p[i * o.n + j] = 1 / static_cast<double>(i + 1);
  return p;
}

/// P = 1 1^T / n + sum_i sigma_i c_i c_i^T with the columns c_i of the DCT: doubly stochastic, spectrum 1, sigma_2, ...
Matrix chosen_spectrum(const SyntheticOptions& o, const MatrixId&) {
  const auto n = static_cast<double>(o.n);
  if (o.singular_values.size() >= o.n)
    throw Error(ErrorKind::usage, "--sigma names " + std::to_string(o.singular_values.size()) +
                                      " values, expected fewer than n = " + std::to_string(o.n) +
                                      " (the first is 1 and not named)");
  for (const double sigma : o.singular_values)
    if (!(sigma >= 0 && sigma <= 1))
      throw Error(ErrorKind::usage, "--sigma " + std::to_string(sigma) + ": expected values in [0, 1]");
  Matrix p(o.n * o.n, 1 / n);
  for (std::size_t s = 0; s < o.singular_values.size(); ++s) {
    std::vector<double> c(o.n);
    for (std::size_t i = 0; i < o.n; ++i)
      c[i] = std::sqrt(2 / n) *
             std::cos(std::numbers::pi * static_cast<double>(2 * i + 1) * static_cast<double>(s + 1) / (2 * n));
    for (std::size_t i = 0; i < o.n; ++i)
      for (std::size_t j = 0; j < o.n; ++j) p[i * o.n + j] += o.singular_values[s] * c[i] * c[j];
  }
  if (*std::min_element(p.begin(), p.end()) < 0)
    throw Error(ErrorKind::usage,
                "--sigma: these values need negative attention; values whose sum is at most 0.5 never do");
  return p;
}

struct Kind {
  const char* name;
  Matrix (*make)(const SyntheticOptions&, const MatrixId&);
};

constexpr std::array kinds{Kind{"identity", identity}, Kind{"uniform", uniform},         Kind{"previous", previous},
                           Kind{"one-hot", one_hot},   Kind{"blocks", blocks},           Kind{"banded", banded},
                           Kind{"causal", causal},     Kind{"spectrum", chosen_spectrum}};

}  // namespace

bool is_query_key(const SyntheticOptions& options) { return options.kind == "random"; }

std::vector<double> synthetic_attention(const SyntheticOptions& options, const MatrixId& id) {
  for (const Kind& kind : kinds)
    if (options.kind == kind.name) return kind.make(options, id);
  throw Error(ErrorKind::usage,
              "no synthetic attention is called " + options.kind +
                  "; there are identity, uniform, previous, one-hot, blocks, banded, causal, random, spectrum");
}

QueryKey synthetic_query_key(const SyntheticOptions& options, const MatrixId& id) {
  if (options.head_dim == 0) throw Error(ErrorKind::usage, "--head-dim 0: expected at least 1");
  if (!(options.logit_sd >= 0)) throw Error(ErrorKind::usage, "--logit-sd: expected a number of at least 0");
  auto bits = generator(options, id);
  // q.k / sqrt(d) of normals with standard deviation s has standard deviation s^2.
  const double sd = std::sqrt(options.logit_sd);
  QueryKey made;
  made.query = normals(bits, options.n * options.head_dim, sd);
  made.key = normals(bits, options.n * options.head_dim, sd);
  return made;
}

}  // namespace attnspec
