// Finds room by counting what words would cover.
#include "analysis/writers/free_place.hpp"

#include <algorithm>
#include <cmath>

namespace attnspec {
namespace {

constexpr double half_letter = 4.2, air = 5;

}  // namespace

void DrawnPlot::line(PlotPoint from, PlotPoint to, double apart) {
  // A line that leaves the plot by far need not be followed out there.
  if (std::max(from.y, to.y) < 0 || std::min(from.y, to.y) > height_) return;
  const double length = std::hypot(to.x - from.x, to.y - from.y);
  const int steps = static_cast<int>(std::clamp(length / apart, 1.0, 5000.0));
  for (int i = 0; i <= steps; ++i) {
    const double part = static_cast<double>(i) / steps;
    const PlotPoint point{from.x + part * (to.x - from.x), from.y + part * (to.y - from.y)};
    if (point.y >= 0 && point.y <= height_) drawn_.push_back(point);
  }
}

std::size_t DrawnPlot::covered(PlotPoint lower_end, double length) const {
  const auto is_covered = [&](const PlotPoint& point) {
    return std::abs(point.x - lower_end.x) < half_letter && point.y > lower_end.y - 1 &&
           point.y < lower_end.y + length + 1;
  };
  return static_cast<std::size_t>(std::count_if(drawn_.begin(), drawn_.end(), is_covered));
}

PlotPoint DrawnPlot::place_words(const std::vector<double>& middles, double length) {
  PlotPoint best;
  std::size_t least = drawn_.size() + 1;
  const double highest = std::max(height_ - air - length, air);
  for (double y = highest; y >= air; y -= 4) {
    for (const double x : middles) {
      const std::size_t hits = covered({x, y}, length);
      if (hits >= least) continue;
      least = hits;
      best = {x, y};
    }
  }
  line({best.x - half_letter, best.y}, {best.x - half_letter, best.y + length});
  line({best.x + half_letter, best.y}, {best.x + half_letter, best.y + length});
  return best;
}

}  // namespace attnspec
