// Plain loops, so that they share nothing with what they test.
#include "tests/support/heads.hpp"

#include <algorithm>
#include <cmath>
#include <random>

namespace attnspec::test {
namespace {

Matrix normals(std::size_t rows, std::size_t cols, std::mt19937_64& bits) {
  std::normal_distribution<double> normal;
  Matrix matrix(MatrixShape{rows, cols});
  for (double& entry : matrix.values) entry = normal(bits);
  return matrix;
}

double dot(std::span<const double> a, std::span<const double> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace

void set_log_sums(Head& head) {
  Logits& logits = head.logits.value();
  logits.log_sum.clear();
  for (std::size_t i = 0; i < logits.query.rows(); ++i) {
    std::vector<double> row;
    for (std::size_t j = 0; j < logits.key.rows(); ++j) row.push_back(dot(logits.query.row(i), logits.key.row(j)));
    const double highest = *std::max_element(row.begin(), row.end());
    double sum = 0;
    for (const double score : row) sum += std::exp(score - highest);
    logits.log_sum.push_back(highest + std::log(sum));
  }
}

std::vector<Head> random_heads(std::size_t count, std::size_t queries, std::size_t tokens, std::size_t width,
                               std::size_t rank, std::uint64_t seed, bool identity_values) {
  std::mt19937_64 bits(seed);
  std::vector<Head> heads(count);
  for (std::size_t h = 0; h < count; ++h) {
    Head& head = heads[h];
    head.id = {0, 0, h};
    head.logits.emplace();
    head.logits->query = normals(queries, rank, bits);
    head.logits->key = normals(tokens, rank, bits);
    set_log_sums(head);
    head.attention = Matrix(MatrixShape{queries, tokens});
    for (std::size_t i = 0; i < queries; ++i)
      for (std::size_t j = 0; j < tokens; ++j)
        head.attention(i, j) =
            std::exp(dot(head.logits->query.row(i), head.logits->key.row(j)) - head.logits->log_sum[i]);
    head.columns = normals(tokens, width, bits);
    if (identity_values)
      for (std::size_t i = 0; i < tokens; ++i)
        for (std::size_t j = 0; j < width; ++j) head.columns(i, j) = i == j ? 1 : 0;
    head.target = Matrix(MatrixShape{queries, width});
    for (std::size_t i = 0; i < queries; ++i)
      for (std::size_t j = 0; j < width; ++j)
        for (std::size_t t = 0; t < tokens; ++t) head.target(i, j) += head.attention(i, t) * head.columns(t, j);
    head.groups = width > 1 ? std::vector<ColumnRange>{{0, 1}, {1, width}} : std::vector<ColumnRange>{{0, width}};
  }
  return heads;
}

std::vector<const Head*> pointers(const std::vector<Head>& heads) {
  std::vector<const Head*> all;
  for (const Head& head : heads) all.push_back(&head);
  return all;
}

Maps::Maps(std::size_t trials, std::size_t rows, std::size_t tokens, std::uint64_t seed) {
  std::mt19937_64 bits(seed);
  for (std::size_t t = 0; t < trials; ++t) maps_.push_back(normals(rows, tokens, bits));
}

std::vector<ProjectionPair> Maps::pairs() const {
  std::vector<ProjectionPair> pairs;
  for (const Matrix& map : maps_) pairs.push_back({&map, &map});
  return pairs;
}

double StoredError::squares() const {
  double sum = 0;
  for (const double square : columns) sum += square;
  return sum;
}

double StoredError::largest() const {
  double most = 0;
  for (const double cell : cells) most = std::max(most, std::abs(cell));
  return most;
}

void ErrorList::take(std::size_t trial, std::size_t head, std::size_t construction, const OutputError& error) {
  const std::lock_guard lock(mutex_);
  errors[{trial, head, construction}] = {{error.columns.begin(), error.columns.end()},
                                         {error.rows.begin(), error.rows.end()},
                                         {error.cells.begin(), error.cells.end()}};
}

double largest_difference(std::span<const double> a, std::span<const double> b) {
  if (a.size() != b.size()) return std::numeric_limits<double>::infinity();
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) most = std::max(most, std::abs(a[i] - b[i]));
  return most;
}

std::vector<Construction> every_form(std::size_t largest_k, bool with_none) {
  std::vector<Construction> all;
  std::vector<std::size_t> sizes{largest_k, 1, largest_k / 2 + 1};
  if (with_none) sizes.push_back(0);
  for (const std::size_t k : sizes)
    for (const Form form : {Form::linear, Form::softmax, Form::exponential}) {
      all.push_back({form, k, 0.7, 0.3});
      all.push_back({form, k, 0, 0.4});
      all.push_back({form, k, 0.2, 0});
    }
  std::erase_if(all, [](const Construction& one) { return one.form != Form::linear && one.k == 0; });
  return all;
}

}  // namespace attnspec::test
