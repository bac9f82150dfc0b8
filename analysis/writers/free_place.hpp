// A free place for upright words beside a line of a plot.
#pragma once

#include <cstddef>
#include <vector>

namespace attnspec {

/// Points (1/72 inch) from the lower left corner of a plot.
struct PlotPoint {
  double x = 0, y = 0;
};

/// What a plot of this height has drawn already.
class DrawnPlot {
 public:
  explicit DrawnPlot(double height) : height_(height) {}

  /// A straight line, or a part of a curve; what lies outside the plot does not count. What counts little (a pale bar,
  /// over which words can be read) has points further apart than one.
  void line(PlotPoint from, PlotPoint to, double apart = 1);

  /// The middle of the lower end of words of this length, read upwards, at one of the x's: where they cover least of
  /// what is drawn, the first x and the top of the plot preferred. The words count as drawn from then on.
  PlotPoint place_words(const std::vector<double>& middles, double length);

 private:
  std::size_t covered(PlotPoint lower_end, double length) const;

  double height_;
  std::vector<PlotPoint> drawn_;
};

}  // namespace attnspec
