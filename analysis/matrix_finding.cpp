// The ladder of what can be wrong with a matrix, gravest first.
#include "analysis/matrix_finding.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace attnspec {
namespace {

std::string where(const DumpInfo& info, const MatrixId& id) {
  const char* what = info.source == MatrixSource::stored ? "/attention" : "attention from /query and /key";
  return fmt::format("{}: {} ({}): ", info.file, what, name_of(id));
}

std::string row_sum_sentence(const DumpInfo& info, const Soundness& seen, double tolerance) {
  const char* remedy = " Was the model in train mode? Dropout rescales attention: call model.eval().";
  return fmt::format("row {} sums to {:.8g}, expected {}1 +- {:.2g} ({}).{}", seen.worst_row, seen.worst_row_sum,
                     info.row_sum == RowSum::at_most_one ? "at most " : "", tolerance, info.dtype,
                     seen.row_error > refused_row_error ? remedy : "");
}

}  // namespace

std::optional<MatrixFinding> finding_of(const DumpInfo& info, const MatrixId& id, const Soundness& seen) {
  const double tolerance = row_sum_tolerance(info.encoding, info.key_lengths[id.sample]);
  const auto finding = [&](Severity severity, const char* kind, const std::string& sentence) {
    return MatrixFinding{id, severity, kind, where(info, id) + sentence};
  };
  if (seen.not_finite > 0)
    return finding(Severity::refused, "not_finite",
                   fmt::format("{} of its entries are NaN or Inf, expected finite numbers. An unfinished dump, or an "
                               "overflow in half precision? Dump it again in float32.",
                               seen.not_finite));
  if (seen.negative > 0)
    return finding(Severity::refused, "negative",
                   fmt::format("{} of its entries are negative, expected probabilities. If these are scores before the "
                               "softmax, say --stage logits.",
                               seen.negative));
  if (seen.above_one > 0)
    return finding(Severity::refused, "above_one",
                   fmt::format("{} of its entries are above 1, expected probabilities. If these are scores before the "
                               "softmax, say --stage logits.",
                               seen.above_one));
  if (seen.zero_rows > 0 && info.row_sum == RowSum::one)
    return finding(Severity::refused, "zero_rows",
                   fmt::format("{} of its rows are all zero, expected rows that sum to 1. Rows that were never written "
                               "read back so; padding is cut with /lengths and /offsets.",
                               seen.zero_rows));
  if (seen.row_error > refused_row_error && seen.worst_column_error <= tolerance)
    return finding(Severity::refused, "transposed",
                   "its columns sum to 1 and its rows do not, expected queries as rows. Store it transposed.");
  if (seen.row_error > refused_row_error)
    return finding(Severity::refused, "row_sum", row_sum_sentence(info, seen, tolerance));
  if (seen.row_error > tolerance) return finding(Severity::warning, "row_sum", row_sum_sentence(info, seen, tolerance));
  return std::nullopt;
}

std::optional<MatrixFinding> finding_of(const DumpInfo& info, const MatrixId& id, const std::string& dataset,
                                        std::span<const double> entries) {
  const auto bad = std::count_if(entries.begin(), entries.end(), [](double entry) { return !std::isfinite(entry); });
  if (bad == 0) return std::nullopt;
  return MatrixFinding{
      id, Severity::refused, dataset.substr(1) + "_not_finite",
      fmt::format("{}: {} ({}): {} of its entries are NaN or Inf, expected finite numbers. An unfinished dump, or an "
                  "overflow in half precision? Dump it again in float32.",
                  info.file, dataset, name_of(id), bad)};
}

}  // namespace attnspec
