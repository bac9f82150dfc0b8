// Gathers the rows that a panel of a verify figure shows, and writes its title.
#include "analysis/writers/verify_panel.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include "analysis/writers/gnuplot_text.hpp"
#include "lib/core/error.hpp"

namespace attnspec {
namespace {

std::string last_component(const std::string& path) {
  const std::string trimmed = path.substr(0, path.find_last_not_of('/') + 1);
  return trimmed.substr(trimmed.find_last_of('/') + 1);  // npos + 1 is 0
}

/// The n that most rows have, the larger of two.
std::size_t commonest_n(const std::vector<const VerifyRow*>& rows, std::size_t& lengths) {
  std::map<std::size_t, std::size_t> count;
  for (const VerifyRow* row : rows) ++count[row->n];
  lengths = count.size();
  std::size_t n = 0;
  for (const auto& [length, times] : count)
    if (n == 0 || times >= count[n]) n = length;
  return n;
}

/// The dump's panel before it is split by epsilon.
VerifyPanel panel_of(const DumpVerification& dump, std::string_view claim) {
  VerifyPanel panel{.model = dump.model, .dump = dump.dump, .confidence = dump.confidence};
  std::vector<const VerifyRow*> rows;
  for (const VerifyRow& row : dump.rows)
    if (row.claim == claim) rows.push_back(&row);
  panel.n = commonest_n(rows, panel.lengths);
  for (const VerifyRow* row : rows) {
    if (row->n != panel.n) continue;
    panel.rows.push_back(row);
    panel.trials = std::max(panel.trials, row->trials);
  }
  std::set<MatrixId> applicable, all;
  for (const VerifyRow* row : panel.rows) {
    all.insert(row->id);
    if (row->judgement.verdict != Verdict::not_applicable) applicable.insert(row->id);
  }
  panel.not_applicable = all.size() - applicable.size();
  return panel;
}

std::vector<VerifyPanel> by_epsilon(const VerifyPanel& whole) {
  std::set<double> epsilons;
  for (const VerifyRow* row : whole.rows)
    if (row->epsilon) epsilons.insert(*row->epsilon);
  if (epsilons.empty()) return {whole};
  std::vector<VerifyPanel> panels;
  for (const double epsilon : epsilons) {
    VerifyPanel panel = whole;
    panel.epsilon = epsilon;
    std::erase_if(panel.rows, [&](const VerifyRow* row) { return row->epsilon != epsilon; });
    panels.push_back(std::move(panel));
  }
  return panels;
}

/// As many parts a line as fit.
std::vector<std::string> lines_of(const std::vector<std::string>& parts, std::string_view joint, double width) {
  std::vector<std::string> lines;
  for (const std::string& part : parts) {
    const std::string joined = lines.empty() ? part : lines.back() + std::string(joint) + part;
    if (!lines.empty() && text_width(joined) <= width)
      lines.back() = joined;
    else
      lines.push_back(shortened(part, width));
  }
  return lines;
}

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words(1);
  for (const char c : text) {
    if (c == ' ')
      words.emplace_back();
    else
      words.back() += c;
  }
  return words;
}

std::vector<std::string> facts(const VerifyPanel& panel) {
  std::vector<std::string> parts;
  if (panel.epsilon) parts.push_back(epsilon_text(*panel.epsilon));
  if (!panel.norm.empty()) parts.push_back(panel.norm + " |V|");
  if (panel.rows.empty()) return parts;
  const PanelSize size = size_of(panel.rows);
  parts.push_back(fmt::format("n = {}", panel.n));
  if (panel.lengths > 1) parts.back() += fmt::format(" (most common of {} lengths)", panel.lengths);
  const std::string layers = counted(size.layers, size.layers, "layer");
  const bool is_grid = size.matrices == size.layers * size.heads * size.samples;
  parts.push_back(is_grid ? layers + " × " + counted(size.heads, size.heads, "head")
                          : counted(size.matrices, size.matrices, "head") + " of " + layers);
  parts.push_back(counted(size.samples, size.samples, "sample"));
  if (panel.trials > 0) parts.push_back(counted(panel.trials, panel.trials, "trial"));
  const std::size_t others = panel.not_applicable;
  if (others > 0 && panel.trials > 0) parts.push_back(counted(others, others, "other head") + " not applicable");
  return parts;
}

std::vector<std::string> title_lines(const VerifyPanel& panel, double width) {
  const std::string file = last_component(panel.dump);
  std::vector<std::string> lines = {shortened(panel.model.empty() ? file : panel.model, width)};
  if (!panel.model.empty() && panel.shares_model) lines.push_back(shortened(file, width));
  for (const std::string& line : lines_of(facts(panel), ", ", width)) lines.push_back(line);
  return lines;
}

}  // namespace

VerifyPanels verify_panels(const std::vector<DumpVerification>& dumps, std::string_view claim, PanelEach each,
                           std::size_t most) {
  if (dumps.empty()) throw Error(ErrorKind::internal, "a figure of verify was asked for without a dump");
  std::map<std::string, int> times_used;
  for (const DumpVerification& dump : dumps) ++times_used[dump.model];
  VerifyPanels panels;
  for (const DumpVerification& dump : dumps) {
    VerifyPanel whole = panel_of(dump, claim);
    whole.shares_model = times_used[dump.model] > 1;
    for (const VerifyPanel& panel : each == PanelEach::epsilon ? by_epsilon(whole) : std::vector{whole}) {
      if (panels.drawn.size() < most)
        panels.drawn.push_back(panel);
      else
        panels.left_out.push_back(panel.dump + (panel.epsilon ? fmt::format(", epsilon = {}", *panel.epsilon) : ""));
    }
  }
  return panels;
}

VerifyPanels by_norm(const VerifyPanels& panels) {
  VerifyPanels split{{}, panels.left_out};
  for (const std::string norm : {"Frobenius", "spectral"}) {
    const std::string ending = norm == "Frobenius" ? "-frobenius" : "-spectral";
    for (const VerifyPanel& panel : panels.drawn) {
      VerifyPanel part = panel;
      part.norm = norm;
      std::erase_if(part.rows, [&](const VerifyRow* row) { return !row->reading.ends_with(ending); });
      if (!part.rows.empty()) split.drawn.push_back(std::move(part));
    }
  }
  for (const VerifyPanel& panel : panels.drawn)
    if (panel.rows.empty()) split.drawn.push_back(panel);
  return split;
}

PanelSize size_of(const std::vector<const VerifyRow*>& rows) {
  std::set<std::size_t> layers, heads, samples;
  std::set<MatrixId> matrices;
  for (const VerifyRow* row : rows) {
    layers.insert(row->id.layer);
    heads.insert(row->id.head);
    samples.insert(row->id.sample);
    matrices.insert(row->id);
  }
  return {layers.size(), heads.size(), samples.size(), matrices.size()};
}

std::vector<const VerifyRow*> of_one_kind(const std::vector<const VerifyRow*>& rows) {
  if (rows.empty()) return {};
  const bool has_value = std::any_of(rows.begin(), rows.end(), [](auto* row) { return row->columns == "value"; });
  std::vector<const VerifyRow*> kind = rows;
  const std::string columns = has_value ? "value" : rows.front()->columns;
  std::erase_if(kind, [&](const VerifyRow* row) { return row->columns != columns; });
  const std::string delta = kind.front()->delta;
  std::erase_if(kind, [&](const VerifyRow* row) { return row->delta != delta; });
  return kind;
}

std::vector<PaperMark> paper_marks(const std::vector<const VerifyRow*>& rows) {
  std::set<std::pair<std::size_t, std::string>> found;
  for (const VerifyRow* row : rows)
    if (row->k && row->k_source != "given" && row->k_source != "power-of-two") found.insert({*row->k, row->k_source});
  std::vector<PaperMark> marks;
  for (const auto& [k, source] : found) marks.push_back({source, k});
  return marks;
}

std::string epsilon_text(double epsilon) { return fmt::format("ε = {:.3g}", epsilon); }

std::vector<std::vector<std::string>> titles_of(const VerifyPanels& panels, Canvas& canvas) {
  std::vector<std::vector<std::string>> titles;
  std::size_t most = 0;
  for (std::size_t p = 0; p < panels.drawn.size(); ++p) {
    titles.push_back(title_lines(panels.drawn[p], canvas.title_width(p)));
    most = std::max(most, titles.back().size());
  }
  canvas.room.top = title_height(most);
  return titles;
}

std::vector<std::string> reason_for_nothing(const VerifyPanel& panel) {
  constexpr double widest = 20;
  const auto refused = [](const VerifyRow* row) { return row->judgement.verdict == Verdict::not_applicable; };
  const auto found = std::find_if(panel.rows.begin(), panel.rows.end(), refused);
  std::string reason = panel.rows.empty() ? "the claim was not tried on this dump" : "nothing was measured here";
  if (found != panel.rows.end()) reason = "not applicable: " + printable_line((*found)->judgement.reason);
  std::vector<std::string> lines = lines_of(words_of(reason), " ", widest);
  if (lines.size() > 6) lines.resize(6);
  return lines;
}

std::string data_opening(const std::string& what, const VerifyPanels& panels) {
  std::string text = fmt::format("# {}\n", what);
  for (std::size_t p = 0; p < panels.drawn.size(); ++p) {
    const VerifyPanel& panel = panels.drawn[p];
    text += fmt::format("# panel {}: {} ({}), n = {}", p + 1, printable_line(panel.model), printable_line(panel.dump),
                        panel.n);
    if (panel.epsilon) text += fmt::format(", epsilon = {}", *panel.epsilon);
    text += panel.norm.empty() ? "\n" : ", " + panel.norm + " |V|\n";
  }
  for (const std::string& name : panels.left_out) text += fmt::format("# not drawn: {}\n", printable_line(name));
  return text;
}

std::string point_scaling() {
  // What a pointsize of 1 is, measured: the terminals of gnuplot 5.4 do not agree, and png's does not grow with its
  // dpi.
  return "  point = point_size / (format eq 'svg' ? 5.0 : format eq 'pdf' ? 6.1 : 6.5 * 72 / png_dpi)\n";
}

std::string cell(std::optional<double> number) {
  return number && std::isfinite(*number) ? fmt::format("{}", *number) : "NaN";
}

}  // namespace attnspec
