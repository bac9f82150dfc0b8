// Failure rate against k: what a claim allows, what its exact law says, and what was measured.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <set>

#include "analysis/writers/figure1_panel.hpp"
#include "analysis/writers/gnuplot_canvas.hpp"
#include "analysis/writers/gnuplot_text.hpp"
#include "analysis/writers/verify_claim_plot.hpp"
#include "analysis/writers/verify_figures.hpp"
#include "analysis/writers/verify_legend.hpp"
#include "analysis/writers/verify_panel.hpp"
#include "analysis/writers/verify_series.hpp"
#include "lib/core/error.hpp"

namespace attnspec {
namespace {

constexpr Room room = {.left = 44, .right = 14, .bottom = 30, .top = 0};

bool same_bound(const Series& a, const Series& b) {
  const auto near = [](double x, double y) { return std::abs(x - y) <= 1e-9 * std::abs(x); };
  return std::equal(a.points.begin(), a.points.end(), b.points.begin(), b.points.end(), [&](auto& p, auto& q) {
    return p.k == q.k && p.claimed.has_value() == q.claimed.has_value() && (!p.claimed || near(*p.claimed, *q.claimed));
  });
}

std::vector<std::size_t> distinct_bounds(const std::vector<Series>& series) {
  std::vector<std::size_t> distinct;
  for (std::size_t s = 0; s < series.size(); ++s) {
    if (series[s].rule.rate != Rate::tested || bound_curve(series[s]).empty()) continue;
    const auto is_same = [&](std::size_t other) { return same_bound(series[s], series[other]); };
    if (std::none_of(distinct.begin(), distinct.end(), is_same)) distinct.push_back(s);
  }
  return distinct;
}

/// Theorem 2's two norms of V have panels of their own: together nobody could read them.
VerifyPanels panels_for(const std::vector<DumpVerification>& dumps, std::string_view claim) {
  if (claim == "theorem2") return by_norm(verify_panels(dumps, claim, PanelEach::epsilon, 3));
  return verify_panels(dumps, claim, PanelEach::epsilon);
}

std::vector<ClaimPanel> panels_of(const VerifyPanels& panels, std::string_view claim) {
  std::vector<ClaimPanel> found;
  std::size_t block = 1;
  for (const VerifyPanel& facts : panels.drawn) {
    found.push_back({facts, series_of(facts, series_rules(claim)), {}, block});
    found.back().bounds = distinct_bounds(found.back().series);
    block += found.back().series.size() + found.back().bounds.size();
  }
  return found;
}

/// One table; a block a series, then a block a bound with the k's between those that were measured.
std::string data_of(const VerifyPanels& panels, const std::vector<ClaimPanel>& claims, std::string_view claim) {
  std::string text = data_opening(
      fmt::format("Failure rate of {} against k: median head with its interval, range over heads", claim), panels);
  text += data_header("panel series k rate low high least most exact claimed heads");
  for (std::size_t p = 0; p < claims.size(); ++p) {
    for (const Series& series : claims[p].series) {
      for (const SeriesPoint& point : series.points)
        text += fmt::format("{} {} {} {} {} {} {} {} {} {} {}\n", p + 1, name_of(series.rule), point.k, point.rate,
                            cell(point.low), cell(point.high), point.least, point.most, cell(point.exact),
                            cell(point.claimed), point.heads);
      text += "\n\n";
    }
    for (const std::size_t s : claims[p].bounds) {
      for (const BoundPoint& point : bound_curve(claims[p].series[s]))
        text += fmt::format("{} bound:{} {} NaN NaN NaN NaN NaN NaN {} NaN\n", p + 1, name_of(claims[p].series[s].rule),
                            point.k, point.bound);
      text += "\n\n";
    }
  }
  return text;
}

RateAxis axis_of(const std::vector<ClaimPanel>& claims, std::string_view claim) {
  std::size_t trials = 0;
  for (const ClaimPanel& panel : claims) trials = std::max(trials, panel.facts.trials);
  const double least = 0.3 / static_cast<double>(std::max<std::size_t>(trials, 10));
  return {claim == "lemma1", std::pow(10, std::floor(std::log10(least)))};
}

/// What stands in any panel, once, and then how to read it.
std::vector<LegendEntry> legend_of(const std::vector<ClaimPanel>& claims, const RateAxis& axis) {
  std::vector<LegendEntry> entries;
  std::set<std::string> named;
  bool has_exact = false, has_bound = false, is_bound_seen = false, has_paper_k = false, has_no_failure = false;
  std::size_t fewest = SIZE_MAX, heads = 0, trials = 0;
  double confidence = 0.95;
  for (const ClaimPanel& panel : claims) {
    has_bound = has_bound || !panel.bounds.empty();
    for (const PaperMark& mark : paper_marks(panel.facts.rows)) has_paper_k = has_paper_k || mark.k < panel.facts.n;
    trials = std::max(trials, panel.facts.trials);
    confidence = panel.facts.confidence;
    for (const Series& series : panel.series) {
      const SeriesRule& rule = series.rule;
      for (const SeriesPoint& point : series.points) {
        has_exact = has_exact || (point.exact && rule.point > 0);
        has_no_failure = has_no_failure || point.rate == 0;
        is_bound_seen = is_bound_seen || point.claimed.value_or(1) < 1;
        heads = std::max(heads, point.heads);
        fewest = std::min(fewest, point.heads);
      }
      if (named.insert(rule.legend).second)
        entries.push_back({rule.legend, rule.colour, rule.point, rule.line, rule.dash});
    }
  }
  if (entries.empty()) return {};
  std::stable_partition(entries.begin(), entries.end(), [](const LegendEntry& entry) { return entry.line == 0; });
  const std::string ink = "404040";
  entries.push_back({});
  entries.push_back({"a point: the median head", ink, 7});
  entries.push_back({fmt::format("its {:g} % confidence interval", 100 * confidence), ink, 0, 0.7, "", true});
  if (heads > 1) entries.push_back({"range over " + counted(fewest, heads, "head"), pale(ink), 0, 2.6, "", true});
  if (axis.logarithmic && has_no_failure) entries.push_back({fmt::format("no failure in {} trials", trials), ink, 6});
  if (has_exact) entries.push_back({"exact law of the head", ink, 0, 0.7});
  if (has_bound)
    entries.push_back({is_bound_seen ? "the paper’s bound" : "the paper’s bound: above 1", ink, 0, 1, "(6,3)"});
  if (has_paper_k) entries.push_back({"the paper’s k", ink, 0, 0.5, "(1,2)", true});
  return entries;
}

std::string title_of(std::string_view claim) {
  if (claim == "lemma1") return "Lemma 1";
  return claim == "theorem1" ? "Theorem 1" : "Theorem 2";
}

}  // namespace

Figure verify_claim_figure(const std::vector<DumpVerification>& dumps, std::string_view claim) {
  if (series_rules(claim).empty())
    throw Error(ErrorKind::internal, fmt::format("there is no figure for a claim '{}'", claim));
  const VerifyPanels panels = panels_for(dumps, claim);
  const std::vector<ClaimPanel> claims = panels_of(panels, claim);
  const RateAxis axis = axis_of(claims, claim);
  std::vector<LegendEntry> legend = legend_of(claims, axis);
  const std::size_t left_out = panels.left_out.size();
  if (!legend.empty() && left_out > 0) legend.push_back({counted(left_out, left_out, "panel") + " more in verify.csv"});
  Canvas canvas{room, std::vector<PlotSize>(claims.size(), claim_plot_size)};
  const std::vector<std::vector<std::string>> titles = titles_of(panels, canvas);
  // Pairs of panels stay under each other when the legend is the third of their row.
  const std::size_t legend_place = claims.size() == 4 ? 2 : claims.size();
  if (!legend.empty())
    canvas.plots.insert(canvas.plots.begin() + static_cast<std::ptrdiff_t>(legend_place), legend_size(legend.size()));
  std::string script = point_scaling();
  for (std::size_t p = 0; p < claims.size(); ++p) {
    script += panel_opening(canvas.place(legend.empty() || p < legend_place ? p : p + 1), p);
    // The legend's labels belong to whichever plot is drawn last.
    if (p + 1 == claims.size() && !legend.empty()) script += legend_script(legend, canvas.place(legend_place));
    script += claim_plot(claims[p], axis);
  }
  const std::string name = fmt::format("verify_{}", claim);
  const std::string settings =
      fmt::format("small = ',6.5'\npoint_size = 2.8\nrate_floor = {:g}\nshown(rate) = {}\n", axis.floor,
                  axis.logarithmic ? "(rate < rate_floor ? rate_floor * 1.15 : rate)" : "rate") +
      title_settings(titles);
  const std::string what = title_of(claim) + " of Wang et al. 2020, Linformer, arXiv 2006.04768: what was measured.";
  return {name,
          {name + ".gp", gnuplot_script(name, what, canvas, settings, script)},
          {name + ".dat", data_of(panels, claims, claim)}};
}

}  // namespace attnspec
