// Draws one panel of failure rates against k.
#include "analysis/writers/verify_claim_plot.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "analysis/writers/free_place.hpp"
#include "analysis/writers/gnuplot_text.hpp"
#include "analysis/writers/verify_legend.hpp"

namespace attnspec {
namespace {

constexpr double letter_size = 6.5;  // of the script's `small`
constexpr double lowest_rate = -0.03, highest_rate = 1.03, highest_log_rate = 1.3;

/// The k axis, logarithmic, with room for what stands at n and above.
struct Reach {
  double low = 1, high = 2;

  /// The factor by which k grows over so many points (1/72 inch).
  double over(double points) const { return std::pow(high / low, points / claim_plot_size.width); }
};

Reach reach_of(const ClaimPanel& panel) {
  double least = static_cast<double>(panel.facts.n), most = least;
  for (const Series& series : panel.series) {
    least = std::min(least, static_cast<double>(series.points.front().k));
    most = std::max(most, static_cast<double>(series.points.back().k));
  }
  constexpr double room_at_the_end = 24;
  least = std::max(least, 1.0) / 1.4;
  most = std::max(most, 1.0);
  return {least, most * std::pow(most / least, room_at_the_end / (claim_plot_size.width - room_at_the_end))};
}

/// How many of the first series have points.
double with_points(const ClaimPanel& panel, std::size_t first) {
  const auto end = panel.series.begin() + static_cast<std::ptrdiff_t>(first);
  return static_cast<double>(
      std::count_if(panel.series.begin(), end, [](const Series& series) { return series.rule.point > 0; }));
}

/// Points of one k stand side by side, so far apart (1/72 inch) that the groups of two k's do not meet.
double apart(const ClaimPanel& panel) {
  return std::min(3.4, 14 / std::max(1.0, with_points(panel, panel.series.size()) - 1));
}

/// How far to the right of its k a series stands.
double beside(const ClaimPanel& panel, std::size_t s) {
  return apart(panel) * (with_points(panel, s) - (with_points(panel, panel.series.size()) - 1) / 2);
}

/// Powers of two, so few that their labels do not meet.
std::string k_tics(const Reach& reach) {
  constexpr double label_width = 19;
  double step = 2;
  while (reach.over(label_width) > step) step *= 2;
  std::vector<std::string> tics;
  for (double k = 1; k <= reach.high; k *= step)
    if (k >= reach.low) tics.push_back(fmt::format("{}", k));
  return fmt::format("({})", fmt::join(tics, ", "));
}

/// 1, 0.1, 0.01, ... down to the floor.
std::string decade_tics(double floor) {
  std::vector<std::string> tics;
  for (double rate = 1; rate > floor * 0.99; rate /= 10) tics.push_back(fmt::format("'{0:.3g}' {0:.3g}", rate));
  return fmt::format("({})", fmt::join(tics, ", "));
}

std::string formula_text(const std::string& source) {
  if (source == "theorem1") return "Theorem 1";
  if (source == "theorem2-statement") return "Theorem 2";
  if (source == "theorem2-proof-tokens") return "eq. (24)";
  if (source == "theorem2-proof-rank") return "eq. (25)";
  return source;
}

/// Words and the line that they stand beside.
struct Mark {
  double k = 0;
  std::string words;
};

/// The paper's own k's below n, and those from n on in words.
struct PaperKs {
  std::vector<Mark> within;
  std::string beyond;
};

PaperKs paper_ks(const ClaimPanel& panel) {
  PaperKs found;
  std::string numbers;
  for (const PaperMark& mark : paper_marks(panel.facts.rows)) {
    const std::string words = fmt::format("{}: k = {}", formula_text(mark.source), mark.k);
    if (mark.k < panel.facts.n) {
      found.within.push_back({static_cast<double>(mark.k), words});
      continue;
    }
    found.beyond += (found.beyond.empty() ? "" : ", ") + words;
    numbers += fmt::format("{}{}", numbers.empty() ? "the paper’s k: " : ", ", mark.k);
  }
  if (letter_size * text_width(found.beyond) > claim_plot_size.height - 10) found.beyond = numbers;
  return found;
}

/// Where things stand in the plot, in points from its lower left corner.
class Sheet {
 public:
  Sheet(const Reach& reach, const RateAxis& axis) : reach_(reach), axis_(axis) {}

  PlotPoint at(double k, double rate) const {
    const double x = std::log(k / reach_.low) / std::log(reach_.high / reach_.low) * claim_plot_size.width;
    const double least = axis_.logarithmic ? std::log(axis_.floor) : lowest_rate;
    const double most = axis_.logarithmic ? std::log(highest_log_rate) : highest_rate;
    const double value = axis_.logarithmic ? std::log(std::max(rate, axis_.floor / 2)) : rate;
    return {x, (value - least) / (most - least) * claim_plot_size.height};
  }

 private:
  const Reach& reach_;
  const RateAxis& axis_;
};

/// Everything that a label could cover.
DrawnPlot drawn(const ClaimPanel& panel, const Sheet& sheet) {
  DrawnPlot plot(claim_plot_size.height);
  const auto join = [&](const std::vector<PlotPoint>& curve) {
    for (std::size_t i = 1; i < curve.size(); ++i) plot.line(curve[i - 1], curve[i]);
  };
  for (std::size_t s = 0; s < panel.series.size(); ++s) {
    const Series& series = panel.series[s];
    std::vector<PlotPoint> curve;
    for (const SeriesPoint& point : series.points) {
      const auto k = static_cast<double>(point.k);
      curve.push_back(sheet.at(k, point.exact.value_or(point.rate)));
      if (series.rule.point == 0) continue;
      const double x = sheet.at(k, 1).x + beside(panel, s);
      const auto upright = [&](double low, double high, double weight) {
        plot.line({x, sheet.at(k, low).y}, {x, sheet.at(k, high).y}, weight);
      };
      upright(point.least, point.most, 8);
      upright(point.low.value_or(point.rate), point.high.value_or(point.rate), 1);
    }
    const bool joined = series.rule.line > 0 || series.points.front().exact.has_value();
    if (joined) join(curve);
  }
  for (const std::size_t s : panel.bounds) {
    std::vector<PlotPoint> curve;
    for (const BoundPoint& point : bound_curve(panel.series[s])) curve.push_back(sheet.at(point.k, point.bound));
    join(curve);
  }
  return plot;
}

std::string upright_words(const std::string& words, const std::vector<double>& middles, DrawnPlot& plot) {
  const PlotPoint place = plot.place_words(middles, letter_size * text_width(words));
  return fmt::format(
      "  set label {} at graph {:.4f}, graph {:.4f} left rotate by 90 front font small textcolor rgb '#404040'\n",
      quoted(words), place.x / claim_plot_size.width, place.y / claim_plot_size.height);
}

std::string upright_line(double k, const std::string& look) {
  return fmt::format("  set arrow from {0:g}, graph 0 to {0:g}, graph 1 nohead back {1}\n", k, look);
}

/// n, where the theorems end, and the paper's own k's.
std::string marks(const ClaimPanel& panel, const Reach& reach, const RateAxis& axis) {
  constexpr double gap = 9.5, narrow_gap = 6;
  const Sheet sheet(reach, axis);
  DrawnPlot plot = drawn(panel, sheet);
  const auto n = static_cast<double>(panel.facts.n);
  const PaperKs paper = paper_ks(panel);
  std::string text = upright_line(n, "linewidth 0.5 linecolor rgb '#808080'");
  for (const Mark& mark : paper.within) {
    plot.line(sheet.at(mark.k, axis.floor), sheet.at(mark.k, 1));
    text += upright_line(mark.k, "linewidth 0.6 dashtype (1,2) linecolor rgb '#404040'");
  }
  plot.line(sheet.at(n, axis.floor), sheet.at(n, 1));
  const bool lemma_allows_it = axis.logarithmic;
  if (!lemma_allows_it)
    text += fmt::format(
        "  set object 1 rectangle from {}, graph 0 to graph 1, graph 1 behind fillcolor rgb '#ececec' fillstyle solid "
        "noborder\n",
        n);
  const double end = sheet.at(n, 1).x;
  const std::string length = fmt::format("n = {}", panel.facts.n);
  text +=
      upright_words(lemma_allows_it ? length : "from " + length + " on nothing is claimed", {end + narrow_gap}, plot);
  if (!paper.beyond.empty()) text += upright_words(paper.beyond, {end + narrow_gap + 8.5}, plot);
  for (const Mark& mark : paper.within) {
    const double x = sheet.at(mark.k, 1).x;
    std::vector<double> places = {x - narrow_gap, x - gap};
    if (end - x > 2 * gap) places.insert(places.end(), {x + narrow_gap, x + gap});
    text += upright_words(mark.words, places, plot);
  }
  return text;
}

/// The series of a panel, from the back: lines of reference, ranges, bounds, exact laws, intervals, points.
class Layers {
 public:
  Layers(const ClaimPanel& panel, const Reach& reach, const RateAxis& axis)
      : panel_(panel), reach_(reach), axis_(axis) {}

  std::string plot() {
    for (std::size_t s = 0; s < panel_.series.size(); ++s)
      if (rule(s).line > 0) reference(s);
    each_measured([&](std::size_t s) { upright(s, 7, 8, 0.65 * apart(panel_), pale(rule(s).colour)); });
    for (std::size_t b = 0; b < panel_.bounds.size(); ++b) bound(b);
    each_measured([&](std::size_t s) { exact(s); });
    each_measured([&](std::size_t s) { upright(s, 5, 6, 0.7, rule(s).colour); });
    each_measured([&](std::size_t s) { points(s); });
    return fmt::format("  plot {}\n", fmt::join(parts_, ", \\\n       "));
  }

 private:
  template <typename Action>
  void each_measured(Action action) {
    for (std::size_t s = 0; s < panel_.series.size(); ++s)
      if (rule(s).point > 0) action(s);
  }

  const SeriesRule& rule(std::size_t s) const { return panel_.series[s].rule; }

  void add(std::size_t block, const std::string& how) {
    parts_.push_back(fmt::format("data index {} {}", panel_.first_block + block, how));
  }

  /// The exact law stands beside its k with its points: it is by them that it is judged.
  std::string at_k(std::size_t s) const { return fmt::format("($3*{:.5g})", reach_.over(beside(panel_, s))); }

  void reference(std::size_t s) {
    add(s, fmt::format("using 3:4 with lines linewidth {} {} linecolor rgb '#{}'", rule(s).line,
                       rule(s).dash.empty() ? "" : "dashtype " + rule(s).dash, rule(s).colour));
  }

  void upright(std::size_t s, int from, int to, double width, const std::string& colour) {
    add(s, fmt::format("using {0}:(shown(${1})):(0):(shown(${2})-shown(${1})) with vectors nohead linewidth {3} "
                       "linecolor rgb '#{4}'",
                       at_k(s), from, to, width, colour));
  }

  /// A curve of one point is a short level line.
  std::string level(const std::string& k, int column) const {
    constexpr double half = 5;
    return fmt::format("using ({0}/{1:.5g}):{2}:({0}*{3:.5g}):(0) with vectors nohead", k, reach_.over(half), column,
                       reach_.over(half) - 1 / reach_.over(half));
  }

  void bound(std::size_t b) {
    const bool single = bound_curve(panel_.series[panel_.bounds[b]]).size() == 1;
    add(panel_.series.size() + b,
        fmt::format("{} linewidth 1 dashtype (6,3) linecolor rgb '#{}'",
                    single ? level("$3", 10) : "using 3:10 with lines", rule(panel_.bounds[b]).colour));
  }

  void exact(std::size_t s) {
    const auto& points = panel_.series[s].points;
    if (std::none_of(points.begin(), points.end(), [](const SeriesPoint& point) { return point.exact.has_value(); }))
      return;
    const std::string line = fmt::format("using {}:9 with lines", at_k(s));
    add(s, fmt::format("{} linewidth 0.7 linecolor rgb '#{}'", points.size() == 1 ? level(at_k(s), 9) : line,
                       rule(s).colour));
  }

  void points(std::size_t s) {
    const std::string look = fmt::format("pointsize point linewidth 0.5 linecolor rgb '#{}'", rule(s).colour);
    if (!axis_.logarithmic)
      return add(s, fmt::format("using {}:4 with points pointtype {} {}", at_k(s), rule(s).point, look));
    add(s, fmt::format("using {}:($4>0?$4:1/0) with points pointtype {} {}", at_k(s), rule(s).point, look));
    add(s, fmt::format("using {}:($4>0?1/0:shown($4)) with points pointtype {} {}", at_k(s), open_point(rule(s).point),
                       look));
  }

  const ClaimPanel& panel_;
  const Reach& reach_;
  const RateAxis& axis_;
  std::vector<std::string> parts_;
};

}  // namespace

std::string claim_plot(const ClaimPanel& panel, const RateAxis& axis) {
  if (panel.series.empty()) return empty_plot(reason_for_nothing(panel.facts));
  const Reach reach = reach_of(panel);
  std::string text = marks(panel, reach, axis);
  text += fmt::format(
      "  set logscale x\n  set xlabel 'Projected dimension k' offset 0,0.6\n  set ylabel 'Failure rate' offset 0.5,0\n"
      "  set xrange [{:.5g}:{:.5g}]\n  set xtics {}\n",
      reach.low, reach.high, k_tics(reach));
  if (axis.logarithmic)
    text += fmt::format("  set logscale y\n  set yrange [rate_floor:{}]\n  set ytics {}\n", highest_log_rate,
                        decade_tics(axis.floor));
  else
    text += fmt::format("  set yrange [{}:{}]\n  set ytics 0.2\n  set format y '%.1f'\n", lowest_rate, highest_rate);
  return text + Layers(panel, reach, axis).plot() + "  unset logscale\n";
}

}  // namespace attnspec
