// Q K^T by one product, the rest by a kernel a row.
#include "lib/backend/gpu_query_keys.hpp"

#include <cmath>
#include <span>

#include "lib/backend/gpu_fixed_calls.hpp"
#include "lib/core/norms.hpp"
#include "lib/core/parallel.hpp"

namespace attnspec {
namespace {

/// An even number: what begins behind is aligned as the first numbers are (lib/backend/gpu_fixed_calls).
constexpr std::size_t even(std::size_t numbers) { return (numbers + 1) / 2 * 2; }

/// Queries, keys and biases, whose own beginnings are even.
std::size_t numbers_of(const QueryKeyKind& kind, std::size_t count) {
  return even(count * kind.shape.rows * kind.rank) + even(count * kind.shape.cols * kind.rank) +
         (kind.biased ? count * kind.shape.elements() : 0);
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
      upload_(device, numbers_of(kind, count)),
      numbers_(device, numbers_of(kind, count)),
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
  const std::size_t numbers = numbers_of(kind, count) + count * (kind.shape.cols + 2 * kind.shape.rows);
  return GpuUpload::bytes_on_card(numbers_of(kind, count)) + numbers * sizeof(double) + count * sizeof(GpuScoreRule);
}

void GpuQueryKeys::start(GpuDevice& device, unsigned stream, unsigned threads, const QueryKeyHeads& heads,
                         std::size_t first, std::size_t count, std::size_t a_call, double* attention) {
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
  const auto add = [&](const double* numbers, std::size_t size, std::size_t place) {
    for (std::size_t i = 0; i < count && size > 0; ++i)
      blocks.push_back({{numbers + i * size, size}, place + i * size});
  };
  const std::size_t keys_at = even(count * a_query), biases_at = keys_at + even(count * a_key);
  add(queries, a_query, 0);
  add(keys, a_key, keys_at);
  if (kind_.biased) add(heads.biases.data() + first * a_bias, a_bias, biases_at);
  upload_.send(device, stream, threads, blocks, numbers_.get());
  device.upload(stream, key_norms_.get(), key_norms_on_host_.get(), count * cols * sizeof(double));
  device.upload(stream, rules_.get(), rules_on_host_.get(), count * sizeof(GpuScoreRule));

  // What makes up the last call are numbers of this upload or an older one.
  const GpuMatrices wide_queries{numbers_.get(), rank, a_query, false},
      wide_keys{numbers_.get() + keys_at, rank, a_key, true};
  multiply_in_calls(device, stream,
                    {rows, cols, rank, count, wide_queries, wide_keys, attention, cols, kind_.shape.elements()},
                    a_call);
  device.attention(stream, {count, rows, cols, rules_.get(), kind_.biased ? numbers_.get() + biases_at : nullptr,
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
