// Figure 1 (right): the share of the first singular values by layer and head.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "analysis/writers/figure1.hpp"
#include "analysis/writers/figure1_panel.hpp"
#include "analysis/writers/gnuplot_canvas.hpp"

namespace attnspec {
namespace {

constexpr const char* figure_name = "figure1_heatmap";
constexpr double cell_side = 15;
constexpr Room room = {.left = 34, .right = 60, .bottom = 30, .top = 0};

PlotSize size_of(const Figure1Panel& panel) {
  return {std::clamp(cell_side * static_cast<double>(panel.heads.size()), 120.0, 240.0),
          std::clamp(cell_side * static_cast<double>(panel.layers.size()), 110.0, 240.0)};
}

/// One table; a block a panel. column and row count cells, for heads and layers that are not contiguous.
std::string data_of(const std::vector<Figure1Panel>& panels) {
  std::string text = data_opening("Share of the first `index` singular values by layer and head", panels);
  text += data_header("panel layer head column row share");
  for (std::size_t p = 0; p < panels.size(); ++p) {
    const Figure1Panel& panel = panels[p];
    if (panel.curves.empty()) continue;
    for (std::size_t row = 0; row < panel.layers.size(); ++row) {
      for (std::size_t column = 0; column < panel.heads.size(); ++column) {
        const std::size_t layer = panel.layers[row], head = panel.heads[column];
        const auto curve = panel.curves.find({layer, head});
        if (curve == panel.curves.end()) {
          text += fmt::format("# panel {} layer {} head {}: no result\n", p + 1, layer, head);
        } else {
          const double share = curve->second.share_at_index;
          text += fmt::format("{} {} {} {} {} {}\n", p + 1, layer, head, column, row, share);
        }
      }
    }
    text += "\n\n";
  }
  return text;
}

/// The colours' range in hundredths.
struct Range {
  int low = 100, high = 0;
};

/// Over all panels with this panel's n and index, so that their colours mean the same.
Range range_of(const Figure1Panel& panel, const std::vector<Figure1Panel>& panels) {
  Range range;
  for (const Figure1Panel& other : panels) {
    if (other.n != panel.n || other.index != panel.index) continue;
    for (const auto& [id, head] : other.curves) {
      range.low = std::min(range.low, static_cast<int>(std::floor(head.share_at_index * 100)));
      range.high = std::max(range.high, static_cast<int>(std::ceil(head.share_at_index * 100)));
    }
  }
  if (range.high - range.low < 2) range = {std::max(range.low - 1, 0), std::min(range.high + 1, 100)};
  return range;
}

std::string share_colours(const Figure1Panel& panel, const Range& range, const PlotPlace& place) {
  const auto span = static_cast<std::size_t>(range.high - range.low);
  return fmt::format("  set cbrange [{:.2f}:{:.2f}]\n  set cbtics {:.2f} nomirror out scale 0.4 offset -0.7,0\n",
                     range.low / 100.0, range.high / 100.0, static_cast<double>(label_step(span, 7)) / 100) +
         fmt::format("  set format cb '%.2f'\n  set cblabel 'Share of the first {}' . \"\\n\" . 'of {} ' . values\n",
                     panel.index, panel.n) +
         colourbar(place.right + 7, place.bottom, 7, place.top - place.bottom);
}

/// The numbers in the cells, where they fit into them.
std::string cell_numbers(std::size_t block, const Range& range, double cell_width, double cell_height) {
  constexpr double em_of_number = 2.25, smallest = 4.5, largest = 6;
  const double size = std::min({largest, (cell_width - 1.5) / em_of_number, (cell_height - 1) / 1.2});
  if (size < smallest) return "";
  // Viridis passes from darker than mid-grey to lighter at its middle.
  const double turn = (range.low + 0.5 * (range.high - range.low)) / 100;
  return fmt::format(
      ", \\\n       data index {} using 4:5:(sprintf('%.2f', $6)):($6 < {:.5g} ? 0xffffff : 0x000000) with labels "
      "font ',{:.3g}' textcolor rgb variable",
      block, turn, size);
}

std::string panel_script(const Figure1Panel& panel, const Range& range, const PlotPlace& place, std::size_t block) {
  if (panel.curves.empty()) return empty_plot(reason_for_no_curve(panel));
  const std::size_t columns = panel.heads.size(), rows = panel.layers.size();
  const double cell_width = (place.right - place.left) / static_cast<double>(columns);
  const double cell_height = (place.top - place.bottom) / static_cast<double>(rows);
  const bool has_gaps = panel.curves.size() < columns * rows;
  const auto labels_in = [](double points, double label) { return static_cast<std::size_t>(points / label); };
  std::string text = share_colours(panel, range, place);
  if (has_gaps) {
    text +=
        "  set object 1 rectangle from graph 0, graph 0 to graph 1, graph 1 behind fillcolor rgb '#909090' "
        "fillstyle pattern 4 noborder\n";
  }
  text += fmt::format(
      "  set xlabel 'Head index{}' offset 0,0.6\n  set ylabel 'Layer index' offset 0.5,0\n"
      "  set xrange [-0.5:{}-0.5]\n  set yrange [-0.5:{}-0.5]\n  set xtics {}\n  set ytics {}\n",
      has_gaps ? " (hatched: no result)" : "", columns, rows,
      numbered_tics(panel.heads, label_step(columns, labels_in(place.right - place.left, 13))),
      numbered_tics(panel.layers, label_step(rows, labels_in(place.top - place.bottom, 11))));
  return text +
         fmt::format(
             "  plot data index {} using 4:5:(0.5):(0.5):6 with boxxyerror fillstyle solid 1 border linecolor rgb "
             "'white' linewidth 0.3 fillcolor palette",
             block) +
         cell_numbers(block, range, cell_width, cell_height) + "\n";
}

}  // namespace

Figure figure1_heatmap(const std::vector<DumpSummary>& dumps, Weight weight) {
  const std::vector<Figure1Panel> panels = figure1_panels(dumps, weight);
  Canvas canvas{room, {}};
  for (const Figure1Panel& panel : panels) canvas.plots.push_back(size_of(panel));
  const std::vector<std::vector<std::string>> titles = titles_of(panels, canvas);
  std::string script;
  std::size_t block = 1;
  for (std::size_t p = 0; p < panels.size(); ++p) {
    const PlotPlace place = canvas.place(p);
    script += panel_opening(place, p) + panel_script(panels[p], range_of(panels[p], panels), place, block);
    if (!panels[p].curves.empty()) ++block;
  }
  const std::string settings =
      fmt::format("values = '{}singular values'\n", weight == Weight::energy ? "squared " : "") +
      title_settings(titles) + viridis(1);
  const std::string what = "Figure 1 (right) of Wang et al. 2020, Linformer, arXiv 2006.04768.";
  return {figure_name,
          {"figure1_heatmap.gp", gnuplot_script(figure_name, what, canvas, settings, script)},
          {"figure1_heatmap.dat", data_of(panels)}};
}

}  // namespace attnspec
