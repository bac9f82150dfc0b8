// Norms, cancellation, and which column and row are tested: chosen before anything is drawn.
#include "analysis/head_on_trial.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "lib/core/error.hpp"
#include "lib/core/gaussian_map.hpp"
#include "lib/core/norms.hpp"
#include "lib/theory/theorems.hpp"

namespace attnspec {
namespace {

constexpr std::uint64_t reserved_trial = std::numeric_limits<std::uint64_t>::max();

double norm(std::span<const double> vector) { return std::sqrt(sum_of_squares(vector)); }

Matrix columns_of_kind(const std::string& kind, const HeadInputs& inputs, std::uint64_t seed) {
  const std::size_t tokens = inputs.attention.shape().cols;
  if (kind == "value") return inputs.value.value();
  if (kind == "gaussian") return gaussian_columns_of(tokens, seed);
  Matrix ones(MatrixShape{tokens, 1});
  std::fill(ones.values.begin(), ones.values.end(), 1.0);
  return ones;
}

/// Side by side, with the range of each kind.
Matrix joined(const std::vector<Matrix>& parts, std::vector<ColumnRange>& ranges) {
  std::size_t width = 0;
  for (const Matrix& part : parts) {
    ranges.push_back({width, width + part.cols()});
    width += part.cols();
  }
  Matrix all(MatrixShape{parts.front().rows(), width});
  for (std::size_t p = 0; p < parts.size(); ++p)
    for (std::size_t i = 0; i < all.rows(); ++i)
      std::copy(parts[p].row(i).begin(), parts[p].row(i).end(),
                all.row(i).begin() + static_cast<std::ptrdiff_t>(ranges[p].first));
  return all;
}

/// Singular values of V, squared, with its right singular vectors.
void take_directions(const Matrix& values, Backend& backend, ColumnFacts& facts) {
  facts.directions = backend.right_singular_vectors(values);
  for (std::size_t i = 0; i < facts.directions.rows(); ++i) {
    double variance = 0;
    for (std::size_t t = 0; t < values.rows(); ++t) {
      double part = 0;
      for (std::size_t j = 0; j < values.cols(); ++j) part += values(t, j) * facts.directions(i, j);
      variance += part * part;
    }
    facts.variances.push_back(variance);
  }
  facts.spectral_norm = std::sqrt(*std::max_element(facts.variances.begin(), facts.variances.end()));
}

ColumnFacts facts_of(const std::string& kind, const ColumnRange& range, const Matrix& values, const HeadOnTrial& trial,
                     Backend& backend) {
  ColumnFacts facts;
  facts.kind = kind;
  facts.range = range;
  const Matrix& target = trial.head.target;
  facts.column_norms.resize(range.size());
  facts.target_norms.resize(range.size());
  facts.row_target_norms.resize(target.rows());
  for (std::size_t j = 0; j < range.size(); ++j) {
    for (std::size_t t = 0; t < values.rows(); ++t) facts.column_norms[j] += values(t, j) * values(t, j);
    for (std::size_t i = 0; i < target.rows(); ++i) {
      const double entry = target(i, range.first + j);
      facts.target_norms[j] += entry * entry;
      facts.row_target_norms[i] += entry * entry;
    }
  }
  for (auto* norms : {&facts.column_norms, &facts.target_norms, &facts.row_target_norms})
    for (double& entry : *norms) entry = std::sqrt(entry);
  facts.norm = norm(facts.column_norms);
  facts.target_norm = norm(facts.target_norms);
  facts.rho = cancellation_factor(trial.attention_norm, facts.norm, facts.target_norm);
  take_directions(values, backend, facts);
  // A zero column or row asks nothing: |w| / |Pw| of it is no number, and it is never the largest.
  const auto largest = [](std::size_t count, auto measure) {
    std::size_t best = 0;
    double highest = -1;
    for (std::size_t i = 0; i < count; ++i)
      if (const double value = measure(i); value > highest) highest = value, best = i;
    return best;
  };
  facts.tested_column =
      largest(range.size(), [&](std::size_t j) { return facts.column_norms[j] / facts.target_norms[j]; });
  const auto largest_cosine = [&](std::size_t j) {
    double most = 0;
    for (std::size_t i = 0; i < target.rows(); ++i)
      if (trial.row_norms[i] > 0 && facts.column_norms[j] > 0)
        most = std::max(most, std::abs(target(i, range.first + j)) / (trial.row_norms[i] * facts.column_norms[j]));
    return std::min(most, 1.0);
  };
  facts.rowwise_column = largest(range.size(), largest_cosine);
  facts.largest_cosine = largest_cosine(facts.rowwise_column);
  facts.tested_row =
      largest(target.rows(), [&](std::size_t i) { return facts.row_target_norms[i] / trial.row_norms[i]; });
  return facts;
}

}  // namespace

Matrix gaussian_columns_of(std::size_t n, std::uint64_t seed) {
  const Matrix rows = normals_of({gaussian_columns, n, seed, reserved_trial});
  Matrix columns(MatrixShape{n, gaussian_columns});
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < gaussian_columns; ++j) columns(i, j) = rows(j, i);
  return columns;
}

std::size_t head_dimension(const DumpInfo& info) { return info.head_dim > 0 ? info.head_dim : info.value_width; }

std::vector<std::string> column_kinds(const DumpInfo& info, const std::set<std::string>& asked) {
  if (asked.contains("value") && info.value_width == 0)
    throw Error(ErrorKind::input, info.file +
                                      ": holds no values, and --columns asks for them; dump them with --store "
                                      "query,key,value, or give --columns gaussian,ones");
  std::vector<std::string> kinds;
  for (const char* kind : {"value", "gaussian", "ones"})
    if (asked.contains(kind) || (asked.empty() && (info.value_width > 0) == (std::string(kind) == "value")))
      kinds.emplace_back(kind);
  return kinds;
}

HeadOnTrial put_on_trial(const DumpInfo& info, const HeadInputs& inputs, const std::vector<std::string>& kinds,
                         bool with_logits, std::uint64_t seed, Backend& backend) {
  HeadOnTrial trial;
  Head& head = trial.head;
  head.id = inputs.attention.id(0);
  const auto attention = inputs.attention.matrix(0);
  head.attention = Matrix(inputs.attention.shape(), {attention.begin(), attention.end()});
  std::vector<Matrix> parts;
  for (const std::string& kind : kinds) parts.push_back(columns_of_kind(kind, inputs, seed));
  head.columns = joined(parts, head.groups);
  head.target = backend.product(head.attention, head.columns);
  for (std::size_t i = 0; i < head.attention.rows(); ++i) trial.row_norms.push_back(norm(head.attention.row(i)));
  trial.attention_norm = norm(trial.row_norms);
  for (std::size_t p = 0; p < parts.size(); ++p)
    trial.columns.push_back(facts_of(kinds[p], head.groups[p], parts[p], trial, backend));
  if (!with_logits) return trial;
  HeadLogits found = logits_of(info, inputs);
  trial.logits_source = found.source;
  trial.no_logits_reason = found.reason;
  if (found.logits) {
    const double key_norm = found.logits->key.empty() ? 1 : norm(found.logits->key.values);
    for (std::size_t i = 0; i < found.logits->query.rows(); ++i)
      trial.largest_logit_row = std::max(trial.largest_logit_row, norm(found.logits->query.row(i)) * key_norm);
  }
  head.logits = std::move(found.logits);
  return trial;
}

}  // namespace attnspec
