// Scaled dot-product attention in double precision, a row at a time.
#include "lib/dump/attention.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <vector>

#include "lib/core/error.hpp"
#include "lib/core/vector_clones.hpp"

namespace attnspec {
namespace {

constexpr double masked = -std::numeric_limits<double>::infinity();

/// scores[j] = sum_l query[l] key_t[l, j], key_t being [d, cols].
ATTNSPEC_VECTOR_CLONES
void scores_of_row(const double* query, const double* key_t, std::size_t d, std::size_t cols, double* scores) {
  std::fill(scores, scores + cols, 0.0);
  std::size_t l = 0;
  for (; l + 4 <= d; l += 4) {
    const double q0 = query[l], q1 = query[l + 1], q2 = query[l + 2], q3 = query[l + 3];
    const double *k0 = key_t + l * cols, *k1 = k0 + cols, *k2 = k1 + cols, *k3 = k2 + cols;
    for (std::size_t j = 0; j < cols; ++j) scores[j] += (q0 * k0[j] + q1 * k1[j]) + (q2 * k2[j] + q3 * k3[j]);
  }
  for (; l < d; ++l)
    for (std::size_t j = 0; j < cols; ++j) scores[j] += query[l] * key_t[l * cols + j];
}

std::vector<double> transposed(std::span<const double> key, std::size_t cols, std::size_t d) {
  std::vector<double> key_t(key.size());
  for (std::size_t j = 0; j < cols; ++j)
    for (std::size_t l = 0; l < d; ++l) key_t[l * cols + j] = key[j * d + l];
  return key_t;
}

/// The keys [first, last) that query i sees.
std::pair<std::size_t, std::size_t> visible(const AttentionMask& mask, std::size_t i, std::size_t cols) {
  using Kind = AttentionMask::Kind;
  if (mask.kind == Kind::bidirectional || mask.kind == Kind::cross) return {0, cols};
  const std::size_t last = std::min(i + 1, cols);
  if (mask.kind == Kind::causal || i < mask.window) return {0, last};
  return {std::min(i + 1 - mask.window, last), last};
}

void softmax(std::span<double> row) {
  const double highest = row.empty() ? 0 : *std::max_element(row.begin(), row.end());
  if (highest == masked) return std::fill(row.begin(), row.end(), 0.0);
  double sum = 0;
  for (double& entry : row) sum += entry = std::exp(entry - highest);
  for (double& entry : row) entry /= sum;
}

double square_norm(std::span<const double> vector) {
  double sum = 0;
  for (const double x : vector) sum += x * x;
  return sum;
}

}  // namespace

double attention_from_query_key(std::span<const double> query, std::span<const double> key,
                                std::span<const double> bias, MatrixShape shape, const AttentionRule& rule,
                                double input_roundoff, std::span<double> attention) {
  if (shape.elements() == 0) return 0;
  const std::size_t d = query.size() / shape.rows;
  const std::vector<double> key_t = transposed(key, shape.cols, d);
  std::vector<double> key_norms(shape.cols);
  for (std::size_t j = 0; j < shape.cols; ++j) key_norms[j] = square_norm(key.subspan(j * d, d));

  double moved = 0;
  for (std::size_t i = 0; i < shape.rows; ++i) {
    const std::span<const double> q = query.subspan(i * d, d);
    const std::span<double> row = attention.subspan(i * shape.cols, shape.cols);
    scores_of_row(q.data(), key_t.data(), d, shape.cols, row.data());
    for (double& score : row) score *= rule.scale;
    if (rule.softcap > 0)
      for (double& score : row) score = rule.softcap * std::tanh(score / rule.softcap);
    if (!bias.empty())
      for (std::size_t j = 0; j < shape.cols; ++j) row[j] += bias[i * shape.cols + j];
    const auto [first, last] = visible(rule.mask, i, shape.cols);
    std::fill(row.begin(), row.begin() + static_cast<std::ptrdiff_t>(first), 0.0);
    std::fill(row.begin() + static_cast<std::ptrdiff_t>(last), row.end(), 0.0);
    softmax(row.subspan(first, last - first));
    double weighted = 0;
    for (std::size_t j = first; j < last; ++j) weighted += row[j] * row[j] * key_norms[j];
    moved += weighted * square_norm(q);
  }
  return input_roundoff * std::abs(rule.scale) * std::sqrt(moved / static_cast<double>(d));
}

double softmax_rows(std::span<double> logits, MatrixShape shape, double input_roundoff) {
  double moved = 0;
  std::vector<double> before(shape.cols);
  for (std::size_t i = 0; i < shape.rows; ++i) {
    const std::span<double> row = logits.subspan(i * shape.cols, shape.cols);
    std::copy(row.begin(), row.end(), before.begin());
    softmax(row);
    for (std::size_t j = 0; j < shape.cols; ++j)
      if (row[j] > 0) moved += row[j] * row[j] * before[j] * before[j];
  }
  return input_roundoff * std::sqrt(moved);
}

std::string name_of(const AttentionMask& mask) {
  switch (mask.kind) {
    case AttentionMask::Kind::bidirectional: return "bidirectional";
    case AttentionMask::Kind::causal: return "causal";
    case AttentionMask::Kind::sliding: return "sliding:" + std::to_string(mask.window);
    case AttentionMask::Kind::cross: return "cross";
  }
  return "bidirectional";
}

AttentionMask parse_mask(const std::string& name) {
  using Kind = AttentionMask::Kind;
  if (name == "bidirectional") return {Kind::bidirectional, 0};
  if (name == "causal") return {Kind::causal, 0};
  if (name == "cross") return {Kind::cross, 0};
  const std::string sliding = "sliding:";
  if (name.starts_with(sliding)) {
    AttentionMask mask{Kind::sliding, 0};
    const char* end = name.data() + name.size();
    const auto [stop, failure] = std::from_chars(name.data() + sliding.size(), end, mask.window);
    if (failure == std::errc() && stop == end && mask.window > 0) return mask;
  }
  throw Error(ErrorKind::input, "mask_kind is \"" + name +
                                    "\", expected bidirectional, causal, sliding:W (W a positive number) or cross");
}

}  // namespace attnspec
