// Figure 1 (left): the cumulative singular values of every layer.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "analysis/writers/figure1.hpp"
#include "analysis/writers/figure1_panel.hpp"
#include "analysis/writers/gnuplot_canvas.hpp"

namespace attnspec {
namespace {

constexpr const char* figure_name = "figure1_layers";
constexpr PlotSize plot_size = {172, 140};
constexpr Room room = {.left = 38, .right = 36, .bottom = 30, .top = 0};

/// One table; a block a layer, so that gnuplot's `index` finds the curve.
std::string data_of(const std::vector<Figure1Panel>& panels) {
  std::string text =
      data_opening("Share of the first j singular values, a curve a layer: mean over its heads' means", panels);
  text += data_header("panel layer j share");
  for (std::size_t p = 0; p < panels.size(); ++p) {
    for (const std::size_t layer : layers_with_curves(panels[p])) {
      const std::vector<double> curve = mean_curve(panels[p], layer);
      for (std::size_t j = 0; j < curve.size(); ++j)
        text += fmt::format("{} {} {} {}\n", p + 1, layer, j + 1, curve[j]);
      text += "\n\n";
    }
  }
  return text;
}

/// Where the y axis begins, the same for all panels: the tenth below the lowest share, 0.5 at most.
double lowest_share(const std::vector<Figure1Panel>& panels) {
  double least = 1;
  for (const Figure1Panel& panel : panels)
    for (const std::size_t layer : layers_with_curves(panel)) least = std::min(least, mean_curve(panel, layer).front());
  return std::clamp(std::floor(least * 10) / 10, 0.0, 0.5);
}

/// 0, the index and n as in the paper, and the quarters that leave them room.
std::string index_tics(std::size_t n, std::size_t index) {
  std::vector<std::size_t> tics = {0, n};
  const auto has_room = [&](std::size_t j) {
    const auto is_far = [&](std::size_t tic) { return 8 * (j > tic ? j - tic : tic - j) >= n; };
    return std::all_of(tics.begin(), tics.end(), is_far);
  };
  if (has_room(index)) tics.push_back(index);
  for (const std::size_t quarter : {n / 4, n / 2, n / 4 * 3})
    if (has_room(quarter)) tics.push_back(quarter);
  std::sort(tics.begin(), tics.end());
  return fmt::format("({})", fmt::join(tics, ", "));
}

/// Where the mean's label stands: below the diagonal, beside the line or in the corner; last on the line itself.
std::string place_of_mean(double index, double lowest) {
  constexpr double height = 0.06, label_width = 0.42;
  const double diagonal = lowest + (height + 0.02) * (1 - lowest);
  if (index >= diagonal && index + label_width <= 1) return "first {0}, graph 0.06 left offset 0.5,0";
  if (index - label_width >= diagonal) return "first {0}, graph 0.06 right offset -0.5,0";
  const bool line_in_corner = index > 1 - label_width;
  return line_in_corner ? "first {0}, graph 0.06 center front boxed" : "graph 0.98, graph 0.06 right";
}

/// The dashed line at the index, and the mean share there.
std::string index_line(const Figure1Panel& panel, double lowest) {
  const std::string place = place_of_mean(static_cast<double>(panel.index) / static_cast<double>(panel.n), lowest);
  return fmt::format(
      "  set arrow from first {0}, graph 0 to first {0}, graph 1 nohead back linewidth 0.5 dashtype (6,4) "
      "linecolor rgb '#606060'\n  set label 'mean at {0}: {1:.3f}' at {2} font small textcolor rgb '#404040'\n",
      panel.index, mean_share_at_index(panel), fmt::format(fmt::runtime(place), panel.index));
}

/// C(j) = j/n, what equal singular values would give, lettered along its lower side.
std::string flat_spectrum(std::size_t n, double lowest) {
  constexpr double degrees = 180 / 3.14159265358979;
  const double angle = degrees * std::atan(plot_size.height / plot_size.width / (1 - lowest));
  const double middle = (1 + lowest) / 2, length = static_cast<double>(n);
  return fmt::format(
      "  set arrow from {0}, {1} to {2}, 1 nohead back linewidth 0.5 linecolor rgb '#b0b0b0'\n"
      "  set label 'full rank, equal values: j/n' at {3}, {4} center rotate by {5:.1f} offset 0.55,-0.45 font small "
      "textcolor rgb '#808080'\n",
      lowest * length, lowest, length, middle * length, middle, angle);
}

/// A box a layer, numbered: a legend that stays as narrow for 48 layers as for two.
std::string layer_colours(const std::vector<std::size_t>& layers, const PlotPlace& place) {
  constexpr double lettering = 11, largest_box = 11, box_width = 7;
  const std::size_t count = layers.size(), last = count - 1;
  const double box = std::min(largest_box, (plot_size.height - lettering) / static_cast<double>(count));
  const double left = place.right + 7, bottom = place.top - lettering - box * static_cast<double>(count);
  const auto corner = [&](double x, std::string_view i) {
    return fmt::format("screen {:.5g}/width, screen ({:.5g}+{}*{:.5g})/height", x, bottom, i, box);
  };
  // Each box reaches up to the top, the next one covers it: no seams.
  std::string text = fmt::format(
      "  unset colorbox\n  set cbrange [0:{}]\n  set label 'Layer' at {} left font small\n"
      "  set for [i=0:{}] object i+1 rectangle from {} to {} fillcolor palette cb i fillstyle solid noborder\n",
      std::max<std::size_t>(last, 1), screen_point(left, place.top - 4), last, corner(left, "i"),
      corner(left + box_width, std::to_string(count)));
  for (std::size_t i = 0; i < count; i += label_step(count, 13)) {
    const double middle = bottom + (static_cast<double>(i) + 0.5) * box;
    text +=
        fmt::format("  set label '{}' at {} left font small\n", layers[i], screen_point(left + box_width + 3, middle));
  }
  return text;
}

std::string panel_script(const Figure1Panel& panel, const PlotPlace& place, double lowest, std::size_t first_curve) {
  if (panel.curves.empty()) return empty_plot(reason_for_no_curve(panel));
  const std::vector<std::size_t> layers = layers_with_curves(panel);
  // A thousand points draw any curve of this width; all of them stay in the data.
  const std::size_t step = (panel.n + 1023) / 1024;
  return layer_colours(layers, place) + index_line(panel, lowest) + flat_spectrum(panel.n, lowest) +
         fmt::format(
             "  set xlabel 'Singular value index' offset 0,0.6\n  set ylabel ylabel_text offset 0.5,0\n"
             "  set xrange [0:{0}]\n  set yrange [{1}:1]\n  set xtics {2}\n  set ytics {3}\n  set format y '%.1f'\n"
             "  plot for [i=0:{4}] data index {5}+i every {6} using 3:4 with lines linewidth line_width "
             "linecolor palette cb i\n",
             panel.n, lowest, index_tics(panel.n, panel.index), lowest > 0.3 ? 0.1 : 0.2, layers.size() - 1,
             first_curve, step);
}

}  // namespace

Figure figure1_layers(const std::vector<DumpSummary>& dumps, Weight weight) {
  const std::vector<Figure1Panel> panels = figure1_panels(dumps, weight);
  Canvas canvas{room, std::vector<PlotSize>(panels.size(), plot_size)};
  const std::vector<std::vector<std::string>> titles = titles_of(panels, canvas);
  const double lowest = lowest_share(panels);
  std::string script;
  std::size_t first_curve = 1;
  for (std::size_t p = 0; p < panels.size(); ++p) {
    const PlotPlace place = canvas.place(p);
    script += panel_opening(place, p) + panel_script(panels[p], place, lowest, first_curve);
    first_curve += layers_with_curves(panels[p]).size();
  }
  const std::string settings =
      fmt::format("line_width = 1\nsmall = ',6.5'\nylabel_text = 'Normalised cumulative {}singular value'\n",
                  weight == Weight::energy ? "squared " : "") +
      title_settings(titles) + viridis(0.85);
  const std::string what = "Figure 1 (left) of Wang et al. 2020, Linformer, arXiv 2006.04768.";
  return {figure_name,
          {"figure1_layers.gp", gnuplot_script(figure_name, what, canvas, settings, script)},
          {"figure1_layers.dat", data_of(panels)}};
}

}  // namespace attnspec
