// The sheet that a gnuplot script draws on: its size, its panels' places, its terminals.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace attnspec {

/// Points (1/72 inch) around every plot, for tics, labels and title.
struct Room {
  double left = 0, right = 0, bottom = 0, top = 0;
};

/// A plot without what surrounds it, in points.
struct PlotSize {
  double width = 0, height = 0;
};

/// Where a plot lies, in points from the lower left corner of the canvas.
struct PlotPlace {
  double left = 0, right = 0, bottom = 0, top = 0;
};

/// Plots in rows of up to three; a column is as wide as its widest plot, a row as high as its highest.
struct Canvas {
  Room room;
  std::vector<PlotSize> plots;

  double width() const;
  double height() const;
  /// Of plot p (from 0): centred in its column, its upper edge in line with its row.
  PlotPlace place(std::size_t p) const;
  /// The widest title that stays within panel p when it is centred above the plot, in em.
  double title_width(std::size_t p) const;
};

/// Points that a title of so many lines needs above its plot.
double title_height(std::size_t lines);

/// A place given in points as gnuplot reads it: "screen 40/width, 36/height".
std::string screen_point(double x, double y);

/// Forgets the panel before and sets place, title and tics of panel p (from 0).
std::string panel_opening(const PlotPlace& place, std::size_t p);

/// `set colorbox` for a bar whose lower left corner and size are given in points.
std::string colourbar(double x, double y, double bar_width, double bar_height);

/// `title_1 = ...` with a string a panel, lines joined by line ends.
std::string title_settings(const std::vector<std::vector<std::string>>& titles);

/// Viridis from 0 to `end` (1: all of it) as `set palette defined`.
std::string viridis(double end);

/// The whole script NAME.gp: a comment that says how to redraw it, the settings, then `panels` once a format.
std::string gnuplot_script(const std::string& name, const std::string& what, const Canvas& canvas,
                           const std::string& settings, const std::string& panels);

/// The step between labels, 1 2 5 10 20 50 ..., so that `count` places bear at most `most` of them.
std::size_t label_step(std::size_t count, std::size_t most);

/// `('0' 0, '2' 1)`: every step-th place labelled with its number.
std::string numbered_tics(const std::vector<std::size_t>& numbers, std::size_t step);

/// A plot without curves that says why, in grey in its middle.
std::string empty_plot(const std::vector<std::string>& reason);

}  // namespace attnspec
