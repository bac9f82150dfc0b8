// P once more, entry by entry.
#include "analysis/query_key_residual.hpp"

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "lib/dump/attention.hpp"

namespace attnspec {
namespace {

double tolerance_of(const Encoding& encoding) {
  switch (encoding.type) {
    case StoredType::float16: return 1e-2;
    case StoredType::bfloat16: return 8e-2;
    case StoredType::uint8: return encoding.unit;
    default: return 1e-4;
  }
}

}  // namespace

double query_key_tolerance(const DumpInfo& info) {
  return std::max(tolerance_of({info.query_type}), tolerance_of(info.encoding));
}

QueryKeyResidual query_key_residual(const DumpInfo& info, const HeadInputs& inputs) {
  const MatrixShape shape = inputs.attention.shape();
  const AttentionRule& rule = info.rules[inputs.attention.id(0).layer];
  const std::span<const double> stored = inputs.attention.matrix(0);
  std::span<const double> bias;
  if (inputs.bias) bias = inputs.bias->values;
  std::vector<double> given(shape.elements());
  attention_from_query_key(inputs.query->values, inputs.key->values, bias, shape, rule, 0, given);

  QueryKeyResidual found;
  std::size_t at = 0;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const double differs = std::abs(given[i] - stored[i]);
    // Q and K with NaN give NaN, which is no agreement.
    if (differs <= found.largest) continue;
    at = i;
    found.largest = differs;
    if (std::isnan(differs)) break;
  }
  if (shape.cols > 0) {
    found.row = at / shape.cols;
    found.col = at % shape.cols;
  }
  return found;
}

}  // namespace attnspec
