// Q K^T by one product, the rest by a kernel a row.
#include "lib/backend/gpu_query_keys.hpp"

#include <cmath>
#include <span>

#include "lib/core/norms.hpp"
#include "lib/core/parallel.hpp"

namespace attnspec {
namespace {

std::size_t numbers_a_head(const QueryKeyKind& kind) {
  return (kind.shape.rows + kind.shape.cols) * kind.rank + (kind.biased ? kind.shape.elements() : 0);
}

GpuScoreRule score_rule(const AttentionRule& rule) {
  using Kind = AttentionMask::Kind;
  const bool sliding = rule.mask.kind == Kind::sliding;
  return {rule.scale, rule.softcap, sliding ? rule.mask.window : 0, sliding || rule.mask.kind == Kind::causal};
}

/// Squared norms of `rows` rows, back to back.
void square_norms(const double* matrix, std::size_t rows, std::size_t rank, double* to) {
  for (std::size_t i = 0; i < rows; ++i) to[i] = sum_of_squares({matrix + i * rank, rank});
}

}  // namespace

GpuQueryKeys::GpuQueryKeys(GpuDevice& device, const QueryKeyKind& kind, std::size_t count)
    : kind_(kind),
      upload_(device, count * numbers_a_head(kind)),
      numbers_(device, count * numbers_a_head(kind)),
      key_norms_(device, count * kind.shape.cols),
      key_norms_on_host_(device, count * kind.shape.cols, true),
      row_facts_(device, 2 * count * kind.shape.rows),
      row_facts_on_host_(device, 2 * count * kind.shape.rows, true),
      rules_(device, count),
      rules_on_host_(device, count, true) {}

GpuQueryKeys::operator bool() const {
  return upload_ && numbers_ && key_norms_ && key_norms_on_host_ && row_facts_ && row_facts_on_host_ && rules_ &&
         rules_on_host_;
}

std::size_t GpuQueryKeys::bytes_on_card(const QueryKeyKind& kind, std::size_t count) {
  const std::size_t numbers = numbers_a_head(kind) + kind.shape.cols + 2 * kind.shape.rows;
  return GpuUpload::bytes_on_card(count * numbers_a_head(kind)) +
         count * (numbers * sizeof(double) + sizeof(GpuScoreRule));
}

void GpuQueryKeys::start(GpuDevice& device, unsigned stream, unsigned threads, const QueryKeyHeads& heads,
                         std::size_t first, std::size_t count, double* attention) {
  const std::size_t rows = kind_.shape.rows, cols = kind_.shape.cols, rank = kind_.rank;
  const std::size_t a_query = rows * rank, a_key = cols * rank, a_bias = kind_.biased ? kind_.shape.elements() : 0;
  const double* queries = heads.queries.data() + first * a_query;
  const double* keys = heads.keys.data() + first * a_key;
  count_ = count;
  input_roundoff_ = heads.input_roundoff;
  query_norms_.resize(count * rows);
  for_each_index(count, threads, [&](std::size_t i, std::size_t) {
    rules_on_host_.get()[i] = score_rule(heads.rules[first + i]);
    square_norms(queries + i * a_query, rows, rank, query_norms_.data() + i * rows);
    square_norms(keys + i * a_key, cols, rank, key_norms_on_host_.get() + i * cols);
  });
  // A block a head, so that threads have something to share.
  std::vector<UploadBlock> blocks;
  const auto add = [&](const double* numbers, std::size_t size) {
    for (std::size_t i = 0; i < count && size > 0; ++i)
      blocks.push_back(
          {{numbers + i * size, size}, blocks.empty() ? 0 : blocks.back().first + blocks.back().numbers.size()});
  };
  add(queries, a_query);
  add(keys, a_key);
  if (kind_.biased) add(heads.biases.data() + first * a_bias, a_bias);
  upload_.send(device, stream, threads, blocks, numbers_.get());
  device.upload(stream, key_norms_.get(), key_norms_on_host_.get(), count * cols * sizeof(double));
  device.upload(stream, rules_.get(), rules_on_host_.get(), count * sizeof(GpuScoreRule));

  const double *wide_queries = numbers_.get(), *wide_keys = wide_queries + count * a_query;
  device.multiply(stream, {rows,
                           cols,
                           rank,
                           count,
                           {wide_queries, rank, a_query, false},
                           {wide_keys, rank, a_key, true},
                           attention,
                           cols,
                           kind_.shape.elements()});
  device.attention(stream, {count, rows, cols, rules_.get(), kind_.biased ? wide_keys + count * a_key : nullptr,
                            key_norms_.get(), attention, row_facts_.get(), row_facts_.get() + count * rows});
  device.download(stream, row_facts_on_host_.get(), row_facts_.get(), 2 * count * rows * sizeof(double));
}

double GpuQueryKeys::squares(std::size_t i) const {
  double sum = 0;
  for (std::size_t row = i * kind_.shape.rows; row < (i + 1) * kind_.shape.rows; ++row)
    sum += row_facts_on_host_.get()[row];
  return sum;
}

double GpuQueryKeys::storage_error(std::size_t i) const {
  const double* moved = row_facts_on_host_.get() + count_ * kind_.shape.rows;
  double sum = 0;
  for (std::size_t row = i * kind_.shape.rows; row < (i + 1) * kind_.shape.rows; ++row)
    sum += moved[row] * query_norms_[row];
  return input_roundoff_ * std::abs(rules_on_host_.get()[i].scale) * std::sqrt(sum / static_cast<double>(kind_.rank));
}

}  // namespace attnspec
