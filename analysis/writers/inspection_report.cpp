// One line a fact, and a table of what is wrong.
#include "analysis/writers/inspection_report.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "lib/core/plain_text.hpp"

namespace attnspec {
namespace {

using Json = nlohmann::ordered_json;

std::string line(const char* name, const std::string& text) { return fmt::format("{:<11}{}\n", name, text); }

std::string lengths_text(const DumpInfo& info) {
  std::set<MatrixShape> shapes;
  for (std::size_t s = 0; s < info.samples; ++s) shapes.insert(info.shape_of(s));
  const auto text = [](const MatrixShape& shape) {
    return shape.rows == shape.cols ? fmt::format("{}", shape.rows) : fmt::format("{} x {}", shape.rows, shape.cols);
  };
  if (shapes.size() == 1) return "n = " + text(*shapes.begin());
  return fmt::format("{} lengths, n = {} to {}", shapes.size(), text(*shapes.begin()), text(*shapes.rbegin()));
}

/// "bidirectional", or "causal (layers 0, 2), sliding:128 (layers 1, 3)".
std::string masks_text(const DumpInfo& info) {
  std::vector<std::string> names;
  std::map<std::string, std::string> layers;
  for (std::size_t l = 0; l < info.layers; ++l) {
    const std::string name = name_of(info.rules[l].mask);
    if (!layers.contains(name)) names.push_back(name);
    layers[name] += (layers[name].empty() ? "" : ", ") + std::to_string(l);
  }
  if (names.size() == 1) return names.front();
  std::string text;
  for (const std::string& name : names)
    text += fmt::format("{}{} (layers {})", text.empty() ? "" : "; ", name, layers[name]);
  return text;
}

std::string rule_text(const DumpInfo& info) {
  const AttentionRule& rule = info.rules.front();
  std::string scores = fmt::format("{:.4g} Q K^T", rule.scale);
  if (rule.softcap > 0) scores = fmt::format("softcap {:.4g} of {}", rule.softcap, scores);
  return fmt::format("computed from Q and K: softmax({}), mask {}", scores, masks_text(info));
}

std::string attention_text(const DumpInfo& info) {
  if (info.source == MatrixSource::query_key) return rule_text(info);
  const char* what = info.stage == Stage::logits ? "stored as logits; a softmax is applied" : "stored as probabilities";
  return fmt::format("{}, {}, mask {}", what, info.dtype, masks_text(info));
}

std::string counts_text(const std::map<std::string, std::size_t>& counts) {
  std::string text;
  for (const auto& [kind, count] : counts) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, kind);
  return text;
}

std::string verdict_text(const Inspection& seen) {
  const std::string checked =
      fmt::format("{} of {} matrices checked", seen.checked, seen.info.samples * seen.info.layers * seen.info.heads);
  const std::string rows = fmt::format("row sums within {:.2g} of 1{}", seen.worst_row_error,
                                       seen.info.row_sum == RowSum::at_most_one ? " from above" : "");
  if (!seen.sound()) return fmt::format("NO: {}, refused: {}", checked, counts_text(seen.refused));
  if (!seen.warnings.empty())
    return fmt::format("yes, with warnings: {}, {}; {}", checked, rows, counts_text(seen.warnings));
  return fmt::format("yes: {}, {}", checked, rows);
}

double share_of_zeros(const Soundness& range) {
  return static_cast<double>(range.zeros) / static_cast<double>(std::max<std::size_t>(1, range.visible));
}

std::string entries_text(const Inspection& seen) {
  using Kind = AttentionMask::Kind;
  const Soundness& range = seen.range;
  const bool masked = std::any_of(seen.info.rules.begin(), seen.info.rules.end(), [](const AttentionRule& rule) {
    return rule.mask.kind == Kind::causal || rule.mask.kind == Kind::sliding;
  });
  return fmt::format("{:.4g} to {:.4g}{}, {:.2g} %{} exactly zero; row sums {:.6g} to {:.6g}", range.least,
                     range.greatest, range.not_finite > 0 ? " where finite" : "", 100 * share_of_zeros(range),
                     masked ? " of what the mask shows" : "", range.least_row_sum, range.greatest_row_sum);
}

std::string residual_text(const Inspection& seen) {
  std::string text;
  if (const auto& here = seen.qk_residual)
    text = fmt::format("differ by at most {:.2g} ({}), as measured here", here->residual.largest, name_of(here->id));
  if (const auto& writer = seen.info.qk_residual)
    text += fmt::format("{} {:.2g}, as the writer measured", text.empty() ? "differ by at most" : ";", *writer);
  return text;
}

/// Words in lines of 100 columns, each indented by four; a longer word stays whole.
std::string wrapped(const std::string& text) {
  constexpr std::size_t width = 100;
  const std::string indent = "    ";
  std::string lines, current = indent;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::string word = text.substr(at, end - at);
    if (current.size() > indent.size() && current.size() + 1 + word.size() > width) {
      lines += current + "\n";
      current = indent;
    }
    current += (current.size() > indent.size() ? " " : "") + word;
    at = end + 1;
  }
  return lines + current + "\n";
}

/// All findings of one kind, as a row of the table.
struct KindRow {
  const DumpFinding* first = nullptr;
  std::size_t matrices = 0;
  std::vector<std::string> others;  ///< the places of the next few

  bool refused() const { return first->finding.severity == Severity::refused; }
};

/// What is refused first, then what is found most often.
std::vector<KindRow> rows_of(const Inspection& seen) {
  std::vector<KindRow> rows;
  for (const DumpFinding& one : seen.findings) {
    const auto same = std::find_if(rows.begin(), rows.end(), [&](const KindRow& row) {
      return row.first->finding.kind == one.finding.kind && row.first->finding.severity == one.finding.severity;
    });
    if (same != rows.end()) {
      same->others.push_back(one.place);
      continue;
    }
    const auto& counts = one.finding.severity == Severity::refused ? seen.refused : seen.warnings;
    rows.push_back({&one, counts.at(one.finding.kind), {}});
  }
  std::stable_sort(rows.begin(), rows.end(), [](const KindRow& a, const KindRow& b) {
    return a.refused() != b.refused() ? a.refused() : a.matrices > b.matrices;
  });
  return rows;
}

std::string findings_text(const Inspection& seen) {
  if (seen.findings.empty()) return "";
  constexpr const char* columns = "{:<16}  {:<7}  {:>12}  {}\n";
  std::string text = "\n" + fmt::format(fmt::runtime(columns), "finding", "verdict", "matrices", "where first");
  for (const KindRow& row : rows_of(seen)) {
    const DumpFinding& first = *row.first;
    const std::string count = first.place == the_file ? "-" : fmt::format("{} of {}", row.matrices, seen.checked);
    text += fmt::format(fmt::runtime(columns), first.finding.kind, row.refused() ? "refused" : "warning", count,
                        first.place);
    text += wrapped(first.finding.what);
    if (!row.others.empty()) text += wrapped("Then: " + fmt::format("{}", fmt::join(row.others, "; ")));
  }
  return text;
}

/// Runs of datasets that differ in name alone take one line.
std::vector<std::string> holds_lines(const std::vector<std::string>& holds) {
  const auto name_of = [](const std::string& held) { return held.substr(0, held.find(" [")); };
  const auto rest_of = [&](const std::string& held) { return held.substr(name_of(held).size()); };
  std::vector<std::string> lines;
  for (std::size_t first = 0; first < holds.size();) {
    std::size_t last = first;
    while (last + 1 < holds.size() && rest_of(holds[last + 1]) == rest_of(holds[first])) ++last;
    constexpr std::size_t a_run = 5;
    if (last - first + 1 < a_run)
      lines.push_back(holds[last = first]);
    else
      lines.push_back(fmt::format("{} to {}{} ({} datasets)", name_of(holds[first]), name_of(holds[last]),
                                  rest_of(holds[first]), last - first + 1));
    first = last + 1;
  }
  return lines;
}

std::string bytes_text(std::uint64_t bytes) {
  if (bytes < 1'000'000) return fmt::format("{:.1f} kB", static_cast<double>(bytes) / 1e3);
  return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6);
}

Json range_json(const Soundness& range) {
  return {{"least", range.least},
          {"greatest", range.greatest},
          {"visible", range.visible},
          {"zeros", range.zeros},
          {"not_finite", range.not_finite},
          {"least_row_sum", range.least_row_sum},
          {"greatest_row_sum", range.greatest_row_sum}};
}

Json residual_json(const Inspection& seen) {
  if (!seen.qk_residual) return nullptr;
  const auto& [residual, id, tolerance] = *seen.qk_residual;
  return {{"largest", residual.largest}, {"tolerance", tolerance}, {"sample", id.sample},
          {"layer", id.layer},           {"head", id.head},        {"row", residual.row},
          {"column", residual.col}};
}

/// What one matrix was seen to be, beside its range.
Json soundness_json(const Soundness& seen) {
  Json json = range_json(seen);
  json.update({{"minus_infinite", seen.minus_infinite},
               {"negative", seen.negative},
               {"above_one", seen.above_one},
               {"zero_rows", seen.zero_rows},
               {"mean_row_sum", seen.mean_row_sum},
               {"worst_row", seen.worst_row},
               {"worst_row_sum", seen.worst_row_sum},
               {"worst_column_error", seen.worst_column_error},
               {"above_diagonal", seen.above_diagonal},
               {"above_diagonal_row", seen.above_diagonal_row},
               {"outside_window", seen.outside_window},
               {"outside_window_row", seen.outside_window_row},
               {"lower_triangular", seen.lower_triangular},
               {"unwritten", seen.unwritten},
               {"missing", seen.missing}});
  return json;
}

Json finding_json(const DumpFinding& found) {
  const auto& [id, severity, kind, sentence, what] = found.finding;
  const auto of_matrix = [&](const Json& value) { return found.of_matrix ? value : Json(nullptr); };
  return {{"sample", of_matrix(id.sample)},
          {"layer", of_matrix(id.layer)},
          {"head", of_matrix(id.head)},
          {"place", found.place},
          {"kind", kind},
          {"severity", severity == Severity::refused ? "refused" : "warning"},
          {"sentence", sentence},
          {"seen", of_matrix(soundness_json(found.seen))}};
}

}  // namespace

std::string inspection_text(const Inspection& seen, std::uint64_t file_bytes) {
  const DumpInfo& info = seen.info;
  std::string text = fmt::format("{}: {}, {}{}\n", info.file, bytes_text(file_bytes), info.layout,
                                 info.complete ? "" : ", UNFINISHED");
  text += line("model", info.model + (info.stack.empty() ? "" : " (" + info.stack + ")"));
  if (!info.creator.empty()) text += line("made by", info.creator);
  text += line("size", fmt::format("{} samples, {} layers x {} heads{}, {}", info.samples, info.layers, info.heads,
                                   info.kv_heads == info.heads ? "" : fmt::format(" on {} kv heads", info.kv_heads),
                                   lengths_text(info)));
  const std::vector<std::string> holds = holds_lines(info.holds);
  for (std::size_t i = 0; i < holds.size() && i < 12; ++i) text += line(i == 0 ? "holds" : "", holds[i]);
  if (holds.size() > 12) text += line("", fmt::format("and {} more datasets", holds.size() - 12));
  text += line("attention", attention_text(info));
  text += line("entries", entries_text(seen));
  if (seen.qk_residual || info.qk_residual) text += line("P and QK", residual_text(seen));
  text += line("sound", verdict_text(seen));
  for (const std::string& note : info.notes) text += line("note", note);
  text += findings_text(seen);
  return printable(text);
}

std::string inspection_json(const Inspection& seen, std::uint64_t file_bytes) {
  const DumpInfo& info = seen.info;
  Json json{{"dump", info.file},
            {"bytes", file_bytes},
            {"layout", info.layout},
            {"complete", info.complete},
            {"model", info.model},
            {"stack", info.stack},
            {"creator", info.creator},
            {"samples", info.samples},
            {"layers", info.layers},
            {"heads", info.heads},
            {"kv_heads", info.kv_heads},
            {"head_dim", info.head_dim},
            {"dtype", info.dtype},
            {"source", info.source == MatrixSource::stored ? "attention" : "query_key"},
            {"stage", info.stage == Stage::probs ? "probs" : "logits"},
            {"row_sum", info.row_sum == RowSum::one ? "one" : "at_most_one"},
            {"lengths", info.query_lengths},
            {"key_lengths", info.key_lengths},
            {"offsets", info.offsets},
            {"holds", info.holds},
            {"notes", info.notes}};
  json["masks"] = Json::array();
  for (const AttentionRule& rule : info.rules) json["masks"].push_back(name_of(rule.mask));
  json["qk_residual"] = info.qk_residual ? Json(*info.qk_residual) : Json(nullptr);
  json["checked"] = seen.checked;
  json["sound"] = seen.sound();
  json["worst_row_error"] = seen.worst_row_error;
  json["refused"] = seen.refused;
  json["warnings"] = seen.warnings;
  json["entries"] = range_json(seen.range);
  json["measured_qk_residual"] = residual_json(seen);
  json["findings"] = Json::array();
  for (const DumpFinding& found : seen.findings) json["findings"].push_back(finding_json(found));
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace attnspec
