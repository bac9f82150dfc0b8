// The RMS error of Theorem 1's construction: measured against exact, and their ratio.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <tuple>

#include "analysis/writers/figure1_panel.hpp"
#include "analysis/writers/gnuplot_canvas.hpp"
#include "analysis/writers/gnuplot_text.hpp"
#include "analysis/writers/verify_figures.hpp"
#include "analysis/writers/verify_panel.hpp"

namespace attnspec {
namespace {

constexpr const char* figure_name = "verify_rms";
constexpr double diagonal_side = 172, ratio_height = 44, between = 9;
constexpr Room room = {.left = 40, .right = 46, .bottom = 30, .top = 0};
constexpr double band = 0.03;  // a projection that is scaled wrongly falls out of it, a thousand trials do not

struct RmsPoint {
  MatrixId id;
  std::size_t k = 0;
  double predicted = 0, measured = 0;
};

struct RmsPanel {
  VerifyPanel facts;
  std::vector<RmsPoint> points;
  std::vector<std::size_t> layers;  ///< rising
  std::vector<double> epsilons;     ///< rising
};

RmsPanel panel_of(const VerifyPanel& facts) {
  RmsPanel panel{facts, {}, {}, {}};
  std::vector<const VerifyRow*> rows;
  std::set<double> epsilons;
  for (const VerifyRow* row : facts.rows)
    if (row->reading == "relative" && row->construction == "paper") rows.push_back(row);
  std::set<std::tuple<MatrixId, std::size_t>> seen;  // the error does not depend on epsilon
  std::set<std::size_t> layers;
  for (const VerifyRow* row : of_one_kind(rows)) {
    if (row->epsilon) epsilons.insert(*row->epsilon);
    const bool has_both = row->rms_predicted.value_or(0) > 0 && row->rms_relative_error.value_or(0) > 0;
    if (!has_both || !std::isfinite(*row->rms_predicted) || !row->k || !seen.insert({row->id, *row->k}).second)
      continue;
    panel.points.push_back({row->id, *row->k, *row->rms_predicted, *row->rms_relative_error});
    layers.insert(row->id.layer);
  }
  panel.layers.assign(layers.begin(), layers.end());
  panel.epsilons.assign(epsilons.begin(), epsilons.end());
  return panel;
}

std::size_t place_of(const RmsPanel& panel, std::size_t layer) {
  return static_cast<std::size_t>(std::lower_bound(panel.layers.begin(), panel.layers.end(), layer) -
                                  panel.layers.begin());
}

/// One table; a block a panel. `place` counts layers, for those that are not contiguous.
std::string data_of(const VerifyPanels& panels, const std::vector<RmsPanel>& found) {
  std::string text = data_opening(
      "RMS of |P R'R V - PV| / |PV| (Frobenius) over the trials, and its exact value sqrt((1 + rho^2)/k)", panels);
  text += data_header("panel sample layer head place k predicted measured");
  for (std::size_t p = 0; p < found.size(); ++p) {
    if (found[p].points.empty()) continue;
    for (const RmsPoint& point : found[p].points)
      text += fmt::format("{} {} {} {} {} {} {} {}\n", p + 1, point.id.sample, point.id.layer, point.id.head,
                          place_of(found[p], point.id.layer), point.k, point.predicted, point.measured);
    text += "\n\n";
  }
  return text;
}

struct Span {
  double low = std::numeric_limits<double>::infinity(), high = 0;

  void take(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
};

/// 0.1, 0.2, 0.5, 1, ... within the span: more of them where it is narrow, decades alone where it is wide.
std::string error_tics(const Span& span, bool with_numbers) {
  std::vector<std::string> tics;
  const double decades = std::log10(span.high / span.low);
  std::vector<double> steps = {1, 2, 5};
  if (decades > 2.5) steps = {1};
  if (decades < 0.8) steps = {1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8};
  for (double decade = std::pow(10, std::floor(std::log10(span.low))); decade <= span.high; decade *= 10) {
    for (const double step : steps) {
      const double error = decade * step;
      if (error < span.low || error > span.high) continue;
      tics.push_back(fmt::format("'{}' {:.3g}", with_numbers ? fmt::format("{:.3g}", error) : "", error));
    }
  }
  return fmt::format("({})", fmt::join(tics, ", "));
}

/// Where the error is epsilon.
std::string epsilon_lines(const RmsPanel& panel, const Span& span) {
  std::string text;
  double before = 0;
  for (const double epsilon : panel.epsilons) {
    if (epsilon < span.low || epsilon > span.high) continue;
    text += fmt::format(
        "  set arrow from graph 0, first {0} to graph 1, first {0} nohead back linewidth 0.5 dashtype (1,2) linecolor "
        "rgb '#808080'\n",
        epsilon);
    // Words that would stand on each other are left out, the lines are not.
    if (std::log(epsilon / before) * diagonal_side < 8 * std::log(span.high / span.low)) continue;
    before = epsilon;
    text +=
        fmt::format("  set label {} at graph 0.985, first {} right offset 0,0.45 font small textcolor rgb '#606060'\n",
                    quoted(epsilon_text(epsilon)), epsilon);
  }
  return text;
}

/// A box a layer, numbered.
std::string layer_colours(const RmsPanel& panel, const PlotPlace& place) {
  constexpr double lettering = 11, largest_box = 11, box_width = 7;
  const std::size_t count = panel.layers.size();
  const double box = std::min(largest_box, (diagonal_side - lettering) / static_cast<double>(count));
  const double left = place.right + 7, bottom = place.top - lettering - box * static_cast<double>(count);
  std::string text = fmt::format("  unset colorbox\n  set cbrange [0:{}]\n  set label 'Layer' at {} left font small\n",
                                 std::max<std::size_t>(count - 1, 1), screen_point(left, place.top - 4));
  for (std::size_t i = 0; i < count; ++i) {
    // Each box reaches up to the top, the next one covers it: no seams.
    const double foot = bottom + box * static_cast<double>(i);
    text += fmt::format("  set object {} rectangle from {} to {} fillcolor palette cb {} fillstyle solid noborder\n",
                        i + 1, screen_point(left, foot), screen_point(left + box_width, place.top - lettering), i);
    if (i % label_step(count, 13) == 0)
      text += fmt::format("  set label '{}' at {} left font small\n", panel.layers[i],
                          screen_point(left + box_width + 3, foot + box / 2));
  }
  return text;
}

std::string y_title(const std::string& words, const PlotPlace& place, double middle) {
  return fmt::format("  set label '{}' at {} center rotate by 90\n", words, screen_point(place.left - 31, middle));
}

/// The diagonal, and below it what there is to see of it: the ratio.
std::string panel_script(const RmsPanel& panel, const PlotPlace& place, std::size_t block) {
  if (panel.points.empty()) return empty_plot(reason_for_nothing(panel.facts));
  Span span, ratio;
  for (const RmsPoint& point : panel.points) {
    span.take(point.predicted);
    span.take(point.measured);
    ratio.take(point.measured / point.predicted);
  }
  span = {span.low / 1.15, span.high * 1.15};
  const double reach = std::max({0.055, 1.1 * (ratio.high - 1), 1.1 * (1 - ratio.low)});
  const std::string points = fmt::format("with points pointtype 7 pointsize point linecolor palette\n", block);
  std::string text = fmt::format("  set bmargin at screen {:.5g}/height\n", place.top - diagonal_side);
  text += layer_colours(panel, place) + epsilon_lines(panel, span);
  text += fmt::format(
      "  set logscale xy\n  set xrange [{0:.5g}:{1:.5g}]\n  set yrange [{0:.5g}:{1:.5g}]\n  set xtics {2}\n"
      "  set ytics {3}\n  unset xlabel\n  unset ylabel\n",
      span.low, span.high, error_tics(span, false), error_tics(span, true));
  text += y_title("RMS relative error, measured", place, place.top - diagonal_side / 2);
  text += fmt::format(
      "  set label 'grey: exact ± 3 %' at graph 0.03, graph 0.96 left font small textcolor rgb '#606060'\n"
      "  plot [x={0:.5g}:{1:.5g}] '+' using 1:($1*{2}):($1*{3}) with filledcurves fillstyle solid 1 noborder fillcolor "
      "rgb '#d8d8d8', \\\n"
      "       '+' using 1:1 with lines linewidth 0.5 linecolor rgb '#606060', \\\n"
      "       data index {4} using 7:8:5 {5}",
      span.low, span.high, 1 - band, 1 + band, block, points);
  text += fmt::format(
      "  unset label\n  unset arrow\n  unset object\n  unset title\n  unset logscale y\n"
      "  set tmargin at screen {:.5g}/height\n  set bmargin at screen {:.5g}/height\n"
      "  set xtics {}\n  set yrange [{:.4f}:{:.4f}]\n  set ytics autofreq {:.2g}\n  set format y '%.2f'\n"
      "  set xlabel 'RMS relative error, exact: √((1 + ρ²)/k)' offset 0,0.6\n",
      place.bottom + ratio_height, place.bottom, error_tics(span, true), 1 - reach, 1 + reach,
      reach < 0.1 ? 0.05 : reach / 2);
  text += y_title("Ratio", place, place.bottom + ratio_height / 2);
  return text + fmt::format(
                    "  plot [x={0:.5g}:{1:.5g}] '+' using 1:({2}):({3}) with filledcurves fillstyle solid 1 noborder "
                    "fillcolor rgb '#d8d8d8', \\\n"
                    "       '+' using 1:(1) with lines linewidth 0.5 linecolor rgb '#606060', \\\n"
                    "       data index {4} using 7:($8/$7):5 {5}  unset logscale\n",
                    span.low, span.high, 1 - band, 1 + band, block, points);
}

}  // namespace

Figure verify_rms_figure(const std::vector<DumpVerification>& dumps) {
  const VerifyPanels panels = verify_panels(dumps, "theorem1", PanelEach::dump);
  std::vector<RmsPanel> found;
  for (const VerifyPanel& facts : panels.drawn) found.push_back(panel_of(facts));
  Canvas canvas{room, std::vector<PlotSize>(found.size(), {diagonal_side, diagonal_side + between + ratio_height})};
  const std::vector<std::vector<std::string>> titles = titles_of(panels, canvas);
  std::string script = point_scaling();
  std::size_t block = 1;
  for (std::size_t p = 0; p < found.size(); ++p) {
    script += panel_opening(canvas.place(p), p) + panel_script(found[p], canvas.place(p), block);
    if (!found[p].points.empty()) ++block;
  }
  const std::string settings =
      "small = ',6.5'\npoint_size = 1.6\nset samples 100\n" + title_settings(titles) + viridis(0.9);
  const std::string what =
      "The error of Theorem 1's construction (Wang et al. 2020, Linformer, arXiv 2006.04768), measured and exact.";
  return {figure_name,
          {"verify_rms.gp", gnuplot_script(figure_name, what, canvas, settings, script)},
          {"verify_rms.dat", data_of(panels, found)}};
}

}  // namespace attnspec
