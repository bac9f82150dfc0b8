// The k that an RMS error of epsilon needs, by layer and head, beside the paper's k and n.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "analysis/writers/figure1_panel.hpp"
#include "analysis/writers/gnuplot_canvas.hpp"
#include "analysis/writers/gnuplot_text.hpp"
#include "analysis/writers/verify_figures.hpp"
#include "analysis/writers/verify_panel.hpp"

namespace attnspec {
namespace {

constexpr const char* figure_name = "verify_needed_k";
constexpr double cell_width = 17, cell_height = 15;
constexpr Room room = {.left = 34, .right = 92, .bottom = 30, .top = 0};

struct NeededK {
  double k = 0;
  std::size_t samples = 0;
};

struct NeededPanel {
  VerifyPanel facts;
  std::vector<std::size_t> layers, heads;                         ///< that the rows name, rising
  std::map<std::pair<std::size_t, std::size_t>, NeededK> needed;  ///< by (layer, head), mean over samples
  std::vector<PaperMark> paper;                                   ///< Theorem 1's k
};

NeededPanel panel_of(const VerifyPanel& facts) {
  NeededPanel panel{facts, {}, {}, {}, {}};
  std::vector<const VerifyRow*> rows;
  for (const VerifyRow* row : facts.rows)
    if (row->reading == "relative" && row->construction == "paper" && row->epsilon) rows.push_back(row);
  std::set<std::size_t> layers, heads;
  std::set<MatrixId> seen;  // rho is the same in all rows of a head
  for (const VerifyRow* row : of_one_kind(rows)) {
    layers.insert(row->id.layer);
    heads.insert(row->id.head);
    if (!row->rho || std::isnan(*row->rho) || !seen.insert(row->id).second) continue;
    NeededK& head = panel.needed[{row->id.layer, row->id.head}];
    const double k = (1 + *row->rho * *row->rho) / (*row->epsilon * *row->epsilon);
    ++head.samples;
    // An infinite k stays: a difference of two would be none.
    head.k = std::isinf(k) || std::isinf(head.k) ? std::max(k, head.k)
                                                 : head.k + (k - head.k) / static_cast<double>(head.samples);
  }
  panel.layers.assign(layers.begin(), layers.end());
  panel.heads.assign(heads.begin(), heads.end());
  panel.paper = paper_marks(rows);
  std::erase_if(panel.paper, [](const PaperMark& mark) { return mark.source != "theorem1"; });
  return panel;
}

PlotSize size_of(const NeededPanel& panel) {
  return {std::clamp(cell_width * static_cast<double>(panel.heads.size()), 120.0, 240.0),
          std::clamp(cell_height * static_cast<double>(panel.layers.size()), 110.0, 240.0)};
}

/// One table; a block a panel. column and row count cells, for heads and layers that are not contiguous.
std::string data_of(const VerifyPanels& panels, const std::vector<NeededPanel>& found) {
  std::string text =
      data_opening("The k whose exact RMS relative error is epsilon: (1 + rho^2)/epsilon^2, mean over samples", panels);
  text += data_header("panel layer head column row k samples");
  for (std::size_t p = 0; p < found.size(); ++p) {
    const NeededPanel& panel = found[p];
    if (panel.needed.empty()) continue;
    for (std::size_t row = 0; row < panel.layers.size(); ++row) {
      for (std::size_t column = 0; column < panel.heads.size(); ++column) {
        const std::size_t layer = panel.layers[row], head = panel.heads[column];
        const auto cell = panel.needed.find({layer, head});
        if (cell == panel.needed.end())
          text += fmt::format("# panel {} layer {} head {}: no result\n", p + 1, layer, head);
        else
          text += fmt::format("{} {} {} {} {} {} {}\n", p + 1, layer, head, column, row, cell->second.k,
                              cell->second.samples);
      }
    }
    text += "\n\n";
  }
  return text;
}

/// Of k, the same for all panels, so that their colours mean the same.
struct Range {
  double low = 0, high = 0;

  /// From 0 to 1 up the colour bar.
  double height_of(double k) const { return std::log(k / low) / std::log(high / low); }
};

Range range_of(const std::vector<NeededPanel>& panels) {
  std::vector<double> values;
  for (const NeededPanel& panel : panels) {
    for (const auto& [id, head] : panel.needed)
      if (std::isfinite(head.k)) values.push_back(head.k);
    if (!panel.needed.empty()) values.push_back(static_cast<double>(panel.facts.n));
    for (const PaperMark& mark : panel.paper) values.push_back(static_cast<double>(mark.k));
  }
  if (values.empty()) return {1, 10};
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return {*low / 1.1, *high * 1.1};
}

/// Up to four digits; thousands as "12k", what has no end as "inf".
std::string short_number(const std::string& value) {
  return fmt::format(
      "({0} < 9999.5 ? sprintf('%.0f', {0}) : {0} < 999500 ? sprintf('%.0fk', {0}/1e3) : "
      "{0} < 1e300 ? sprintf('%.0e', {0}) : 'inf')",
      value);
}

struct BarLabel {
  double y = 0;  ///< points above the bar's lower end
  std::string text;
  bool is_mark = false;
};

/// n and the paper's k with a line across the bar, and round numbers where there is room beside them.
std::vector<BarLabel> bar_labels(const NeededPanel& panel, const Range& range, double height) {
  constexpr double apart = 8;
  std::vector<BarLabel> labels;
  const auto add = [&](double k, const std::string& text, bool is_mark) {
    labels.push_back({range.height_of(k) * height, text, is_mark});
  };
  for (const PaperMark& mark : panel.paper)
    add(static_cast<double>(mark.k), fmt::format("Theorem 1: {}", mark.k), true);
  add(static_cast<double>(panel.facts.n), fmt::format("n = {}", panel.facts.n), true);
  const bool many = range.high / range.low > 1000;
  for (double decade = std::pow(10, std::floor(std::log10(range.low))); decade <= range.high; decade *= 10) {
    for (const double step : {1.0, 2.0, 5.0}) {
      const double k = decade * step, y = range.height_of(k) * height;
      const auto is_near = [&](const BarLabel& label) { return label.is_mark && std::abs(label.y - y) < apart * 1.6; };
      if (k >= range.low && k <= range.high && (!many || step == 1) &&
          std::none_of(labels.begin(), labels.end(), is_near))
        add(k, fmt::format("{:g}", k), false);
    }
  }
  std::stable_sort(labels.begin(), labels.end(), [](auto& a, auto& b) { return a.y < b.y; });
  return labels;
}

std::string colour_bar(const NeededPanel& panel, const Range& range, const PlotPlace& place) {
  constexpr double gap = 7, width = 7, apart = 8.5;
  const double left = place.right + gap, right = left + width, height = place.top - place.bottom;
  std::string text = fmt::format("  set cbrange [{:.5g}:{:.5g}]\n  unset cbtics\n", range.low, range.high) +
                     colourbar(left, place.bottom, width, height);
  const std::vector<BarLabel> labels = bar_labels(panel, range, height);
  std::vector<double> beside;  // the words' heights: two marks that stand closer are pushed apart
  for (const BarLabel& label : labels) beside.push_back(label.y);
  for (std::size_t i = 1; i < labels.size(); ++i) {
    const double missing = apart - (beside[i] - beside[i - 1]);
    if (missing <= 0) continue;
    beside[i] += missing / 2;
    beside[i - 1] -= missing / 2;
  }
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const double y = place.bottom + labels[i].y, words = place.bottom + beside[i];
    const double from = labels[i].is_mark ? left : right;
    text += fmt::format("  set arrow from {} to {} nohead front linewidth {} linecolor rgb '#{}'\n",
                        screen_point(from, y), screen_point(right + 2.5, y), labels[i].is_mark ? 1.2 : 0.5,
                        labels[i].is_mark ? "000000" : "404040");
    text +=
        fmt::format("  set label {} at {} left font small\n", quoted(labels[i].text), screen_point(right + 4.5, words));
  }
  return text + fmt::format("  set label 'Needed k' at {} center rotate by 90\n",
                            screen_point(right + 66, place.bottom + height / 2));
}

/// The numbers in the cells, where they fit into them.
std::string cell_numbers(std::size_t block, double width, double height) {
  constexpr double em_of_number = 2.65, smallest = 4.5, largest = 6;
  const double size = std::min({largest, (width - 1.5) / em_of_number, (height - 1) / 1.2});
  if (size < smallest) return "";
  return fmt::format(
      ", \\\n       data index {} using 4:5:{}:(ink($6)) with labels font ',{:.3g}' textcolor rgb variable", block,
      short_number("$6"), size);
}

std::string panel_script(const NeededPanel& panel, const Range& range, const PlotPlace& place, std::size_t block) {
  if (panel.needed.empty()) return empty_plot(reason_for_nothing(panel.facts));
  const std::size_t columns = panel.heads.size(), rows = panel.layers.size();
  const double width = (place.right - place.left) / static_cast<double>(columns);
  const double height = (place.top - place.bottom) / static_cast<double>(rows);
  const auto labels_in = [](double points, double label) { return static_cast<std::size_t>(points / label); };
  std::string text = colour_bar(panel, range, place);
  text += fmt::format(
      "  set logscale cb\n  set xlabel 'Head index (crossed out: more than n)' offset 0,0.6\n"
      "  set ylabel 'Layer index' offset 0.5,0\n"
      "  set xrange [-0.5:{}-0.5]\n  set yrange [-0.5:{}-0.5]\n  set xtics {}\n  set ytics {}\n",
      columns, rows, numbered_tics(panel.heads, label_step(columns, labels_in(place.right - place.left, 13))),
      numbered_tics(panel.layers, label_step(rows, labels_in(place.top - place.bottom, 11))));
  text += fmt::format(
      "  plot data index {0} using 4:5:(0.5):(0.5):6 with boxxyerror fillstyle solid 1 border linecolor rgb 'white' "
      "linewidth 0.3 fillcolor palette, \\\n"
      "       for [across=-1:1:2] for [up=-1:1:2] data index {0} using "
      "($6 > {1} ? $4+across*0.5 : 1/0):($5+up*0.5):(-across*0.2):(-up*0.2):(ink($6)) with vectors nohead linewidth "
      "0.6 linecolor rgb variable",
      block, panel.facts.n);
  return text + cell_numbers(block, width, height) + "\n  unset logscale\n";
}

}  // namespace

Figure verify_needed_k_figure(const std::vector<DumpVerification>& dumps) {
  VerifyPanels panels = verify_panels(dumps, "theorem1", PanelEach::epsilon);
  for (VerifyPanel& facts : panels.drawn) facts.trials = 0;  // rho is exact: no trial is behind this figure
  std::vector<NeededPanel> found;
  for (const VerifyPanel& facts : panels.drawn) found.push_back(panel_of(facts));
  Canvas canvas{room, {}};
  for (const NeededPanel& panel : found) canvas.plots.push_back(size_of(panel));
  const std::vector<std::vector<std::string>> titles = titles_of(panels, canvas);
  const Range range = range_of(found);
  std::string script;
  std::size_t block = 1;
  for (std::size_t p = 0; p < found.size(); ++p) {
    script += panel_opening(canvas.place(p), p) + panel_script(found[p], range, canvas.place(p), block);
    if (!found[p].needed.empty()) ++block;
  }
  // Viridis passes from darker than mid-grey to lighter at its middle.
  const double turn = std::sqrt(range.low * range.high);
  const std::string settings = fmt::format("small = ',6.5'\nink(k) = k < {:.5g} ? 0xffffff : 0x000000\n", turn) +
                               title_settings(titles) + viridis(1);
  const std::string what =
      "The k with which the error of Theorem 1's construction (Wang et al. 2020, Linformer, arXiv 2006.04768) is "
      "epsilon.";
  return {figure_name,
          {"verify_needed_k.gp", gnuplot_script(figure_name, what, canvas, settings, script)},
          {"verify_needed_k.dat", data_of(panels, found)}};
}

}  // namespace attnspec
