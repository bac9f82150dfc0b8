// Gathers the heads that a panel of Figure 1 shows, and writes its title.
#include "analysis/writers/figure1_panel.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "analysis/writers/gnuplot_text.hpp"
#include "lib/core/error.hpp"

namespace attnspec {
namespace {

bool has_result(const HeadSummary& row, const std::vector<MeanAndSd>& curve) {
  const auto is_finite = [](const MeanAndSd& share) { return std::isfinite(share.mean); };
  const bool complete = curve.size() == row.n && row.index >= 1 && row.index <= row.n;
  return row.samples > 0 && complete && std::all_of(curve.begin(), curve.end(), is_finite);
}

/// Adds a row's means to a head that may have had samples of another shape with the same n.
void join(HeadCurve& head, const HeadSummary& row, const std::vector<MeanAndSd>& curve, double share_at_index) {
  head.samples += row.samples;
  head.share.resize(row.n);
  const double part = static_cast<double>(row.samples) / static_cast<double>(head.samples);
  for (std::size_t j = 0; j < row.n; ++j) head.share[j] += (curve[j].mean - head.share[j]) * part;
  head.share_at_index += (share_at_index - head.share_at_index) * part;
}

Figure1Panel panel_of(const DumpSummary& summary, Weight weight) {
  Figure1Panel panel;
  panel.model = summary.model;
  panel.dump = summary.dump;
  panel.n = commonest_n(summary);
  std::set<std::size_t> lengths, layers, heads;
  for (const HeadSummary& row : summary.rows) {
    lengths.insert(row.n);
    layers.insert(row.layer);
    heads.insert(row.head);
    const bool squared = weight == Weight::energy;
    const std::vector<MeanAndSd>& curve = squared ? row.energy : row.cumulative;
    if (row.n != panel.n || !has_result(row, curve)) continue;
    panel.index = row.index;
    join(panel.curves[{row.layer, row.head}], row, curve,
         squared ? row.energy_at_index.mean : row.cumulative_at_index.mean);
  }
  panel.lengths = lengths.size();
  panel.layers.assign(layers.begin(), layers.end());
  panel.heads.assign(heads.begin(), heads.end());
  return panel;
}

std::string last_component(const std::string& path) {
  const std::string trimmed = path.substr(0, path.find_last_not_of('/') + 1);
  return trimmed.substr(trimmed.find_last_of('/') + 1);  // npos + 1 is 0
}

/// n, and the number of layers, heads and samples behind the panel.
std::vector<std::string> facts(const Figure1Panel& panel) {
  if (panel.curves.empty()) return {};
  std::set<std::size_t> heads;
  std::size_t least = panel.curves.begin()->second.samples, most = least;
  for (const auto& [id, head] : panel.curves) {
    heads.insert(id.second);
    least = std::min(least, head.samples);
    most = std::max(most, head.samples);
  }
  std::string length = fmt::format("n = {}", panel.n);
  if (panel.lengths > 1) length += fmt::format(" (most common of {} lengths)", panel.lengths);
  const std::size_t layers = layers_with_curves(panel).size();
  const std::string size = counted(layers, layers, "layer") + " × " + counted(heads.size(), heads.size(), "head");
  return {length, size, counted(least, most, "sample")};
}

/// As many parts a line as fit.
std::vector<std::string> lines_of(const std::vector<std::string>& parts, double width) {
  std::vector<std::string> lines;
  for (const std::string& part : parts) {
    const std::string joined = lines.empty() ? part : lines.back() + ", " + part;
    if (!lines.empty() && text_width(joined) <= width) {
      lines.back() = joined;
    } else {
      lines.push_back(shortened(part, width));
    }
  }
  return lines;
}

}  // namespace

std::vector<Figure1Panel> figure1_panels(const std::vector<DumpSummary>& dumps, Weight weight) {
  if (dumps.empty()) throw Error(ErrorKind::internal, "Figure 1 was asked for without a dump");
  std::map<std::string, int> times_used;
  for (const DumpSummary& dump : dumps) ++times_used[dump.model];
  std::vector<Figure1Panel> panels;
  for (const DumpSummary& dump : dumps) {
    panels.push_back(panel_of(dump, weight));
    panels.back().shares_model = times_used[dump.model] > 1;
  }
  return panels;
}

std::vector<std::string> title_lines(const Figure1Panel& panel, double width) {
  const std::string file = last_component(panel.dump);
  std::vector<std::string> lines = {shortened(panel.model.empty() ? file : panel.model, width)};
  // One model on two tasks, as in the paper: only the file's name tells them apart.
  if (!panel.model.empty() && panel.shares_model) lines.push_back(shortened(file, width));
  for (const std::string& line : lines_of(facts(panel), width)) lines.push_back(line);
  return lines;
}

std::vector<std::vector<std::string>> titles_of(const std::vector<Figure1Panel>& panels, Canvas& canvas) {
  std::vector<std::vector<std::string>> titles;
  std::size_t most = 0;
  for (std::size_t p = 0; p < panels.size(); ++p) {
    titles.push_back(title_lines(panels[p], canvas.title_width(p)));
    most = std::max(most, titles.back().size());
  }
  canvas.room.top = title_height(most);
  return titles;
}

std::vector<std::size_t> layers_with_curves(const Figure1Panel& panel) {
  std::set<std::size_t> layers;
  for (const auto& [id, head] : panel.curves) layers.insert(id.first);
  return {layers.begin(), layers.end()};
}

std::vector<double> mean_curve(const Figure1Panel& panel, std::size_t layer) {
  std::vector<double> mean(panel.n);
  double heads = 0;
  for (const auto& [id, head] : panel.curves) {
    if (id.first != layer) continue;
    ++heads;
    for (std::size_t j = 0; j < panel.n; ++j) mean[j] += (head.share[j] - mean[j]) / heads;
  }
  return mean;
}

double mean_share_at_index(const Figure1Panel& panel) {
  double sum = 0;
  for (const auto& [id, head] : panel.curves) sum += head.share_at_index;
  return sum / static_cast<double>(panel.curves.size());
}

std::vector<std::string> reason_for_no_curve(const Figure1Panel& panel) {
  if (panel.layers.empty()) return {"no result:", "the dump gave no head"};
  return {"no result:", fmt::format("every matrix with n = {}", panel.n), "was skipped"};
}

std::string data_opening(const std::string& what, const std::vector<Figure1Panel>& panels) {
  std::string text = fmt::format("# {}\n", what);
  for (std::size_t p = 0; p < panels.size(); ++p) {
    text += fmt::format("# panel {}: {} ({}), n = {}, index = {}\n", p + 1, printable_line(panels[p].model),
                        printable_line(panels[p].dump), panels[p].n, panels[p].index);
  }
  return text;
}

std::string data_header(const std::string& columns) { return columns + "\n\n\n"; }

}  // namespace attnspec
