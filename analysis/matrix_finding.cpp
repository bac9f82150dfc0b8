// The ladder of what can be wrong with a matrix, gravest first.
#include "analysis/matrix_finding.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace attnspec {
namespace {

std::string where(const DumpInfo& info, const MatrixId& id) {
  const std::string what =
      info.source == MatrixSource::stored ? info.attention : std::string("attention from /query and /key");
  return fmt::format("{}: {} ({}): ", info.file, what, name_of(id));
}

/// A kind and its sentence, before the place is put in front.
struct Fault {
  Severity severity;
  const char* kind;
  std::string what;
};

Fault refused(const char* kind, std::string what) { return {Severity::refused, kind, std::move(what)}; }

std::string expected_sum(const DumpInfo& info, const Soundness& seen) {
  return fmt::format("{}1 +- {:.2g} ({})", info.row_sum == RowSum::at_most_one ? "at most " : "", seen.tolerance,
                     info.dtype);
}

/// What never came out of the file whole.
std::optional<Fault> unread(const Soundness& seen) {
  if (!seen.damage.empty())
    return refused("damaged", fmt::format("can not be read: {}. Copy or dump it again.", seen.damage));
  if (seen.missing)
    return refused("missing",
                   "the file has no dataset for it, expected one for every sample, layer and head. Dump it again, or "
                   "choose what is there with --samples, --layers and --heads.");
  if (seen.unwritten > 0)
    return refused("unwritten", fmt::format("{} of its stored pieces (chunks) {} never written, expected all of them. "
                                            "An unfinished dump: dump it again, or choose what is there with "
                                            "--samples, --layers and --heads.",
                                            seen.unwritten, seen.unwritten == 1 ? "was" : "were"));
  return std::nullopt;
}

/// Scores before the softmax know neither sign nor sum; -Inf is their mask, and no other infinity is among them.
bool are_logits(const DumpInfo& info, MatrixShape shape, const Soundness& seen) {
  const std::size_t off = seen.rows_above + (info.row_sum == RowSum::one ? seen.rows_below : 0);
  return seen.negative > 0 && seen.not_finite == seen.minus_infinite && seen.not_finite < shape.elements() &&
         2 * off >= shape.rows;
}

std::string logits_sentence(const Soundness& seen) {
  const std::string masked = seen.minus_infinite == 0 ? "" : fmt::format(" and {} are -Inf", seen.minus_infinite);
  return fmt::format(
      "its entries lie between {:.4g} and {:.4g}{}, and its rows sum to between {:.4g} and {:.4g}, expected "
      "probabilities in rows that sum to 1. These are scores before the softmax: say --stage logits.",
      seen.least, seen.greatest, masked, seen.least_row_sum, seen.greatest_row_sum);
}

std::string dropout_sentence(const DumpInfo& info, const Soundness& seen, double rate) {
  return fmt::format(
      "{:.1f} % of the entries that its mask lets see are exactly zero and its rows sum to between {:.4g} and {:.4g} "
      "({:.4g} on average), expected {}. That is dropout in train mode, of a rate of about p = {:.2f}: call "
      "model.eval() and dump it again.",
      100 * rate, seen.least_row_sum, seen.greatest_row_sum, seen.mean_row_sum, expected_sum(info, seen), rate);
}

std::optional<Fault> no_probabilities(const DumpInfo& info, MatrixShape shape, const Soundness& seen) {
  const bool logits = are_logits(info, shape, seen);
  if (seen.not_finite > 0 && !logits)
    return refused("not_finite", fmt::format("{} of its entries are NaN or Inf, expected finite numbers. An unfinished "
                                             "dump, or an overflow in half precision? Dump it again in float32.",
                                             seen.not_finite));
  if (logits) return refused("logits", logits_sentence(seen));
  if (seen.negative > 0)
    return refused("negative", fmt::format("{} of its entries are negative, expected probabilities. If these are "
                                           "scores before the softmax, say --stage logits.",
                                           seen.negative));
  const std::optional<double> rate = info.row_sum == RowSum::one ? dropout_rate(seen, shape) : std::nullopt;
  if (rate) return refused("dropout", dropout_sentence(info, seen, *rate));
  if (seen.above_one > 0)
    return refused("above_one", fmt::format("{} of its entries are above 1, expected probabilities. If these are "
                                            "scores before the softmax, say --stage logits.",
                                            seen.above_one));
  return std::nullopt;
}

std::optional<Fault> no_rows_of_one(const DumpInfo& info, const Soundness& seen) {
  if (seen.zero_rows > 0 && info.row_sum == RowSum::one)
    return refused("zero_rows",
                   fmt::format("{} of its rows are all zero, expected rows that sum to 1. Rows that were never written "
                               "read back so; padding is cut with /lengths and /offsets.",
                               seen.zero_rows));
  if (seen.row_error > refused_row_error && seen.worst_column_error <= seen.tolerance)
    return refused("transposed",
                   "its columns sum to 1 and its rows do not, expected queries as rows. Store it transposed, or name "
                   "the axes as they are, keys before queries: --dataset PATH --axes SLHKQ.");
  return std::nullopt;
}

std::string row_sum_sentence(const DumpInfo& info, const Soundness& seen) {
  const char* remedy = " Was the model in train mode? Dropout rescales attention: call model.eval().";
  return fmt::format("row {} sums to {:.8g}, expected {}.{}", seen.worst_row, seen.worst_row_sum,
                     expected_sum(info, seen), seen.row_error > refused_row_error ? remedy : "");
}

std::string behind_mask_sentence(const AttentionMask& mask, double tolerance, std::size_t row, double mass,
                                 const char* keys) {
  return fmt::format(
      "row {} has {:.4g} of its mass on keys {}, expected none (at most {:.2g}) under the mask {}. Does mask_kind say "
      "what the model does? Set it, or dump the attention after its mask.",
      row, mass, keys, tolerance, name_of(mask));
}

/// What is refused where it is large, and a warning where it is more than storage explains.
std::optional<Fault> beyond(const DumpInfo& info, const AttentionMask& mask, const Soundness& seen, double limit,
                            Severity severity) {
  using Kind = AttentionMask::Kind;
  if (seen.row_error > limit) return Fault{severity, "row_sum", row_sum_sentence(info, seen)};
  if ((mask.kind == Kind::causal || mask.kind == Kind::sliding) && seen.above_diagonal > limit)
    return Fault{
        severity, "above_diagonal",
        behind_mask_sentence(mask, seen.tolerance, seen.above_diagonal_row, seen.above_diagonal, "after its query")};
  if (mask.kind == Kind::sliding && seen.outside_window > limit)
    return Fault{
        severity, "outside_window",
        behind_mask_sentence(mask, seen.tolerance, seen.outside_window_row, seen.outside_window, "before its window")};
  return std::nullopt;
}

}  // namespace

std::optional<double> dropout_rate(const Soundness& seen, MatrixShape shape) {
  if (seen.visible == 0 || shape.rows == 0 || seen.negative > 0 || seen.not_finite > 0) return std::nullopt;
  const double rate = static_cast<double>(seen.zeros) / static_cast<double>(seen.visible);
  if (rate < 0.02 || rate > 0.9 || seen.row_error <= refused_row_error) return std::nullopt;
  const auto rows = static_cast<double>(shape.rows);
  // Dropout touches every row: a few that are off have another reason.
  const auto off = static_cast<double>(seen.rows_below + seen.rows_above);
  if (seen.rows_below == 0 || seen.rows_above == 0 || off < 0.2 * rows) return std::nullopt;
  // The sum of a row has mean one and a variance of at most p / (1 - p); four standard errors of the mean.
  const double spread = 4 * std::sqrt(rate / (1 - rate) / rows);
  if (std::abs(seen.mean_row_sum - 1) > std::min(spread, 0.5)) return std::nullopt;
  return rate;
}

std::optional<MatrixFinding> finding_of(const DumpInfo& info, const MatrixId& id, const Soundness& seen) {
  const MatrixShape shape = info.shape_of(id.sample);
  const AttentionMask& mask = info.rules[id.layer].mask;
  std::optional<Fault> fault = unread(seen);
  if (!fault) fault = no_probabilities(info, shape, seen);
  if (!fault) fault = no_rows_of_one(info, seen);
  if (!fault) fault = beyond(info, mask, seen, std::max(refused_row_error, seen.tolerance), Severity::refused);
  if (!fault) fault = beyond(info, mask, seen, seen.tolerance, Severity::warning);
  if (!fault) return std::nullopt;
  return MatrixFinding{id, fault->severity, fault->kind, where(info, id) + fault->what, fault->what};
}

std::optional<MatrixFinding> finding_of(const DumpInfo& info, const MatrixId& id, const std::string& dataset,
                                        std::span<const double> entries) {
  const auto bad = std::count_if(entries.begin(), entries.end(), [](double entry) { return !std::isfinite(entry); });
  if (bad == 0) return std::nullopt;
  const std::string what = fmt::format(
      "{} of its entries are NaN or Inf, expected finite numbers. An unfinished dump, "
      "or an overflow in half precision? Dump it again in float32.",
      bad);
  return MatrixFinding{id, Severity::refused, dataset.substr(1) + "_not_finite",
                       fmt::format("{}: {} ({}): ", info.file, dataset, name_of(id)) + what, what};
}

}  // namespace attnspec
