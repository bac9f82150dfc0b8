// One plot of a claim's figure: its axes, what the paper marks on them, and its series from back to front.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "analysis/writers/gnuplot_canvas.hpp"
#include "analysis/writers/verify_panel.hpp"
#include "analysis/writers/verify_series.hpp"

namespace attnspec {

inline constexpr PlotSize claim_plot_size = {190, 150};

/// A panel with its series, and where its blocks begin in the data: one a series, then one a bound.
struct ClaimPanel {
  VerifyPanel facts;
  std::vector<Series> series;
  std::vector<std::size_t> bounds;  ///< the series whose claimed bounds are drawn: equal ones once
  std::size_t first_block = 0;
};

/// The failure rate's axis, the same for all panels.
struct RateAxis {
  bool logarithmic = false;  ///< Lemma 1, whose rates span decades
  double floor = 0;          ///< where a logarithmic axis ends: below what so many trials can see
};

/// From the marks to the plot command. The script sets `small`, `point`, `rate_floor` and `shown(rate)` before.
std::string claim_plot(const ClaimPanel& panel, const RateAxis& axis);

}  // namespace attnspec
