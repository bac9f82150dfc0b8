// Draws the samples of a legend.
#include "analysis/writers/verify_legend.hpp"

#include <fmt/format.h>

#include <cmath>

#include "analysis/writers/gnuplot_text.hpp"

namespace attnspec {
namespace {

constexpr double line_height = 9.6, sample_width = 15, legend_width = 90;
constexpr double into_the_room = 28;  // to the left of its place, where no axis needs the room

}  // namespace

PlotSize legend_size(std::size_t entries) { return {legend_width, line_height * static_cast<double>(entries)}; }

std::string legend_script(const std::vector<LegendEntry>& entries, const PlotPlace& place) {
  std::string text;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const LegendEntry& entry = entries[i];
    const double y = place.top - line_height * (static_cast<double>(i) + 0.5);
    const double left = place.left - into_the_room, middle = left + sample_width / 2;
    if (entry.line > 0) {
      const double half = line_height / 2 - 1;
      text += fmt::format("  set arrow from {} to {} nohead front linewidth {} {} linecolor rgb '#{}'\n",
                          entry.upright ? screen_point(middle, y - half) : screen_point(left, y),
                          entry.upright ? screen_point(middle, y + half) : screen_point(left + sample_width, y),
                          entry.line, entry.dash.empty() ? "" : "dashtype " + entry.dash, entry.colour);
    }
    if (entry.point > 0)
      text += fmt::format(
          "  set label '' at {} front point pointtype {} pointsize point linewidth 0.5 linecolor rgb '#{}'\n",
          screen_point(middle, y), entry.point, entry.colour);
    text += fmt::format("  set label {} at {} left font small textcolor rgb '#303030'\n", quoted(entry.text),
                        screen_point(left + sample_width + 5, y));
  }
  return text;
}

std::string pale(const std::string& colour) {
  constexpr double share = 0.3;
  std::string mixed;
  for (std::size_t i = 0; i < 6; i += 2) {
    const int part = std::stoi(colour.substr(i, 2), nullptr, 16);
    mixed += fmt::format("{:02x}", static_cast<int>(std::lround(255 - share * (255 - part))));
  }
  return mixed;
}

int open_point(int point) { return point - 1; }

}  // namespace attnspec
