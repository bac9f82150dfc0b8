// The legend of a claim's figure: a plot's place filled with samples of marks and what they mean.
#pragma once

#include <string>
#include <vector>

#include "analysis/writers/gnuplot_canvas.hpp"

namespace attnspec {

/// A mark as it looks in the plot, and its meaning. What is empty or 0 is not drawn.
struct LegendEntry {
  std::string text;
  std::string colour = {};  ///< six hexadecimal digits
  int point = 0;            ///< gnuplot's point type
  double line = 0;          ///< width
  std::string dash = {};    ///< as gnuplot writes it
  bool upright = false;     ///< the line stands
};

/// The place that a legend of so many entries takes.
PlotSize legend_size(std::size_t entries);

/// Goes into the last panel's script: labels and arrows in screen coordinates, from the place's top down.
std::string legend_script(const std::vector<LegendEntry>& entries, const PlotPlace& place);

/// A colour, six hexadecimal digits, mixed with white.
std::string pale(const std::string& colour);

/// gnuplot's point type of the same shape, open instead of filled.
int open_point(int point);

}  // namespace attnspec
