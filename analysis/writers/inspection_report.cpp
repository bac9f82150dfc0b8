// One line a fact.
#include "analysis/writers/inspection_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

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

std::string bytes_text(std::uint64_t bytes) {
  if (bytes < 1'000'000) return fmt::format("{:.1f} kB", static_cast<double>(bytes) / 1e3);
  return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6);
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
  for (std::size_t i = 0; i < info.holds.size() && i < 12; ++i) text += line(i == 0 ? "holds" : "", info.holds[i]);
  if (info.holds.size() > 12) text += line("", fmt::format("and {} more datasets", info.holds.size() - 12));
  text += line("attention", attention_text(info));
  if (info.qk_residual)
    text += line("P and QK", fmt::format("differ by at most {:.2g}, as the writer measured", *info.qk_residual));
  text += line("sound", verdict_text(seen));
  for (const MatrixFinding& finding : seen.findings) text += line("", finding.sentence);
  for (const std::string& note : info.notes) text += line("note", note);
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
  json["findings"] = Json::array();
  for (const MatrixFinding& finding : seen.findings)
    json["findings"].push_back({{"sample", finding.id.sample},
                                {"layer", finding.id.layer},
                                {"head", finding.id.head},
                                {"kind", finding.kind},
                                {"sentence", finding.sentence}});
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace attnspec
