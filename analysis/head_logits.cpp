// The choice between Q K^T, log P and nothing, with the reason.
#include "analysis/head_logits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "analysis/query_key_residual.hpp"
#include "lib/core/exponential.hpp"
#include "lib/dump/attention.hpp"

namespace attnspec {
namespace {

/// A = softcap(scale Q K^T) + bias, whole: what the model puts into its softmax where that is no product.
Matrix full_logits(const HeadInputs& inputs, const AttentionRule& rule) {
  const Matrix &query = *inputs.query, &key = *inputs.key;
  Matrix logits(MatrixShape{query.rows(), key.rows()});
  for (std::size_t i = 0; i < query.rows(); ++i)
    for (std::size_t j = 0; j < key.rows(); ++j) {
      double score = 0;
      for (std::size_t l = 0; l < query.cols(); ++l) score += query(i, l) * key(j, l);
      score *= rule.scale;
      if (rule.softcap > 0) score = rule.softcap * std::tanh(score / rule.softcap);
      logits(i, j) = score + (inputs.bias ? (*inputs.bias)(i, j) : 0);
    }
  return logits;
}

/// ln sum_j exp(A_ij) of every row.
std::vector<double> log_sums(const Matrix& logits) {
  std::vector<double> sums, row(logits.cols());
  for (std::size_t i = 0; i < logits.rows(); ++i) {
    const std::span<const double> scores = logits.row(i);
    const double highest = *std::max_element(scores.begin(), scores.end());
    std::transform(scores.begin(), scores.end(), row.begin(), [highest](double score) { return score - highest; });
    exponentials(row);
    double sum = 0;
    for (const double weight : row) sum += weight;
    sums.push_back(highest + std::log(sum));
  }
  return sums;
}

bool all_finite(const Matrix& matrix) {
  return std::all_of(matrix.values.begin(), matrix.values.end(), [](double entry) { return std::isfinite(entry); });
}

HeadLogits from_query_key(const DumpInfo& info, const HeadInputs& inputs) {
  const AttentionRule& rule = info.rules[inputs.attention.id(0).layer];
  const Matrix logits = full_logits(inputs, rule);
  if (!all_finite(logits)) return {{}, "", "scale Q K^T is not finite"};
  Logits found;
  found.log_sum = log_sums(logits);
  if (info.source == MatrixSource::stored) {
    const double differs = query_key_residual(info, inputs).largest;
    const double tolerance = query_key_tolerance(info);
    if (differs > tolerance)
      return {{},
              "",
              fmt::format("softmax(scale Q K^T) misses P by {:.2g}, more than storage explains ({:.2g})", differs,
                          tolerance)};
  }
  if (rule.softcap > 0 || inputs.bias) {
    found.query = logits;  // no product of two thin matrices any more
  } else {
    found.query = *inputs.query;
    for (double& entry : found.query.values) entry *= rule.scale;
    found.key = *inputs.key;
  }
  return {std::move(found), "qk", ""};
}

HeadLogits from_attention(const HeadInputs& inputs) {
  Matrix logits(inputs.attention.shape());
  std::size_t zeros = 0;
  for (std::size_t i = 0; i < logits.values.size(); ++i) {
    const double p = inputs.attention.matrix(0)[i];
    zeros += p <= 0;
    logits.values[i] = std::log(p);
  }
  if (zeros > 0)
    return {{}, "", fmt::format("log P is not finite: {} of {} entries of P are zero", zeros, logits.values.size())};
  Logits found;
  found.log_sum = log_sums(logits);
  found.query = std::move(logits);
  return {std::move(found), "log_p", ""};
}

}  // namespace

HeadLogits logits_of(const DumpInfo& info, const HeadInputs& inputs) {
  const AttentionMask& mask = info.rules[inputs.attention.id(0).layer].mask;
  if (mask.kind == AttentionMask::Kind::causal || mask.kind == AttentionMask::Kind::sliding)
    return {{}, "", fmt::format("the mask ({}) makes logits of -infinity, and A E^T means nothing", name_of(mask))};
  HeadLogits found;
  if (info.has_query_key && info.qk_gives_attention) found = from_query_key(info, inputs);
  if (found.logits) return found;
  const std::string first_reason = found.reason;
  found = from_attention(inputs);
  if (!found.logits && !first_reason.empty()) found.reason = first_reason + "; " + found.reason;
  if (!found.logits && !info.has_query_key) found.reason += "; a dump with Q and K has the logits (--store query,key)";
  return found;
}

}  // namespace attnspec
