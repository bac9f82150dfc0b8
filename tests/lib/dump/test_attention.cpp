// Attention from Q and K against a second, plainer implementation.
#include <catch2/catch.hpp>

#include <cmath>
#include <random>
#include <vector>

#include "lib/core/error.hpp"
#include "lib/dump/attention.hpp"

using namespace attnspec;

namespace {

std::vector<double> normals(std::size_t count, std::uint64_t seed) {
  std::mt19937_64 bits(seed);
  std::normal_distribution<double> normal;
  std::vector<double> values(count);
  for (double& value : values) value = normal(bits);
  return values;
}

bool sees(const AttentionMask& mask, std::size_t i, std::size_t j) {
  if (mask.kind == AttentionMask::Kind::causal) return j <= i;
  if (mask.kind == AttentionMask::Kind::sliding) return j <= i && i - j < mask.window;
  return true;
}

/// The definition, one entry at a time, in long double.
double plain_entry(const std::vector<double>& q, const std::vector<double>& k, const std::vector<double>& bias,
                   MatrixShape shape, std::size_t d, const AttentionRule& rule, std::size_t row, std::size_t col) {
  const auto weight = [&](std::size_t j) -> long double {
    if (!sees(rule.mask, row, j)) return 0;
    long double score = 0;
    for (std::size_t l = 0; l < d; ++l) score += static_cast<long double>(q[row * d + l]) * k[j * d + l];
    score *= rule.scale;
    if (rule.softcap > 0) score = rule.softcap * std::tanh(score / rule.softcap);
    if (!bias.empty()) score += bias[row * shape.cols + j];
    return std::exp(score);
  };
  long double sum = 0;
  for (std::size_t j = 0; j < shape.cols; ++j) sum += weight(j);
  return static_cast<double>(weight(col) / sum);
}

}  // namespace

TEST_CASE("attention from Q and K is the definition for every mask, softcap, bias and width") {
  using Kind = AttentionMask::Kind;
  struct Case {
    MatrixShape shape;
    std::size_t d;
    AttentionRule rule;
    bool bias;
  };
  const std::vector<Case> cases{
      {{9, 9}, 4, {0.5, 0, {Kind::bidirectional, 0}}, false}, {{12, 12}, 7, {0.3, 0, {Kind::causal, 0}}, false},
      {{12, 12}, 1, {1, 2, {Kind::sliding, 3}}, true},        {{5, 11}, 6, {0.4, 0, {Kind::cross, 0}}, false},
      {{1, 1}, 3, {1, 0, {Kind::causal, 0}}, false},          {{33, 33}, 16, {0.25, 5, {Kind::causal, 0}}, true}};
  for (const Case& c : cases) {
    CAPTURE(c.shape.rows, c.shape.cols, c.d);
    const auto q = normals(c.shape.rows * c.d, 1), k = normals(c.shape.cols * c.d, 2);
    const auto bias = c.bias ? normals(c.shape.elements(), 3) : std::vector<double>{};
    std::vector<double> p(c.shape.elements());

    attention_from_query_key(q, k, bias, c.shape, c.rule, 0, p);

    for (std::size_t i = 0; i < c.shape.rows; ++i)
      for (std::size_t j = 0; j < c.shape.cols; ++j)
        REQUIRE(std::abs(p[i * c.shape.cols + j] - plain_entry(q, k, bias, c.shape, c.d, c.rule, i, j)) < 1e-14);
  }
}

TEST_CASE("scores beyond the range of exp still give a softmax") {
  std::vector<double> p(4);

  attention_from_query_key(std::vector<double>{1000, -1000}, std::vector<double>{1, 2}, {}, {2, 2}, {1, 0, {}}, 0, p);

  REQUIRE(p == std::vector<double>{0, 1, 1, 0});
}

TEST_CASE("what rounding Q and K does to P is estimated within a factor of three") {
  const MatrixShape shape{64, 64};
  const std::size_t d = 32;
  const AttentionRule rule{1 / std::sqrt(32.0), 0, {}};
  auto q = normals(shape.rows * d, 4), k = normals(shape.cols * d, 5);
  std::vector<double> exact(shape.elements()), rounded(shape.elements());
  attention_from_query_key(q, k, {}, shape, rule, 0, exact);
  const auto to_half = [](double x) {  // 11 significant bits
    const double unit = std::ldexp(1.0, std::ilogb(x) - 10);
    return std::nearbyint(x / unit) * unit;
  };
  for (double& x : q) x = to_half(x);
  for (double& x : k) x = to_half(x);

  const double estimate = attention_from_query_key(q, k, {}, shape, rule, 0x1p-11, rounded);

  double moved = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) moved += std::pow(exact[i] - rounded[i], 2);
  CAPTURE(estimate, std::sqrt(moved));
  REQUIRE(std::sqrt(moved) < estimate);
  REQUIRE(std::sqrt(moved) > estimate / 3);
}

TEST_CASE("a softmax of logits takes -Inf as a mask") {
  std::vector<double> logits{0, -INFINITY, std::log(3.0), 0};

  softmax_rows(logits, {2, 2}, 0);

  REQUIRE(logits[0] == 1);
  REQUIRE(logits[1] == 0);
  REQUIRE(std::abs(logits[2] - 0.75) < 1e-15);
}

TEST_CASE("mask names are read back, others are refused") {
  for (const char* name : {"bidirectional", "causal", "sliding:128", "cross"})
    REQUIRE(name_of(parse_mask(name)) == name);
  for (const char* name : {"", "Causal", "sliding:", "sliding:0", "sliding:3x", "sliding:-1"})
    REQUIRE_THROWS_AS(parse_mask(name), Error);
}
