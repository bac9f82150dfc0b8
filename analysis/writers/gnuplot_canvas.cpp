// The parts of a gnuplot script that do not depend on what it shows.
#include "analysis/writers/gnuplot_canvas.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "analysis/writers/gnuplot_text.hpp"

namespace attnspec {
namespace {

constexpr double font_size = 7.5;
constexpr std::size_t per_row = 3;

double column_width(const Canvas& canvas, std::size_t column) {
  double width = 0;
  for (std::size_t p = column; p < canvas.plots.size(); p += per_row) width = std::max(width, canvas.plots[p].width);
  return width;
}

double row_height(const Canvas& canvas, std::size_t row) {
  double height = 0;
  for (std::size_t p = row * per_row; p < std::min((row + 1) * per_row, canvas.plots.size()); ++p)
    height = std::max(height, canvas.plots[p].height);
  return height;
}

// svg takes pixels of 1/96 inch and a list of fonts for its reader; the cairo terminals ask fontconfig for one, and
// draw text 4/3 times as large and pdf lines half as wide as they are told.
constexpr std::string_view terminals = R"(
do for [format in formats] {
  if (format eq 'svg') {
    unit = 96/72.
    set terminal svg noenhanced size width*unit,height*unit background rgb 'white' \
        font font.',Arial,DejaVu Sans,sans-serif,'.sprintf('%g', font_size) fontscale unit linewidth unit
  }
  if (format eq 'pdf') {
    set terminal pdfcairo noenhanced size width/72,height/72 font font.','.sprintf('%g', font_size) \
        fontscale 0.75 linewidth 2 dashlength 2
  }
  if (format eq 'png') {
    unit = png_dpi/72.
    set terminal pngcairo noenhanced size width*unit,height*unit font font.','.sprintf('%g', font_size) \
        fontscale 0.75*unit linewidth unit dashlength unit
  }
)";

constexpr std::string_view style = R"(
set encoding utf8
set border 15 linewidth 0.5 linecolor rgb '#404040'
unset key
set style textbox opaque noborder margins 0.5,0.5
)";

}  // namespace

double Canvas::width() const {
  double sum = 0;
  for (std::size_t column = 0; column < std::min(per_row, plots.size()); ++column)
    sum += room.left + column_width(*this, column) + room.right;
  return sum;
}

double Canvas::height() const {
  double sum = 0;
  for (std::size_t row = 0; row * per_row < plots.size(); ++row) sum += room.top + row_height(*this, row) + room.bottom;
  return sum;
}

PlotPlace Canvas::place(std::size_t p) const {
  double left = room.left, top = height() - room.top;
  for (std::size_t column = 0; column < p % per_row; ++column)
    left += column_width(*this, column) + room.right + room.left;
  for (std::size_t row = 0; row < p / per_row; ++row) top -= row_height(*this, row) + room.bottom + room.top;
  left += (column_width(*this, p % per_row) - plots[p].width) / 2;
  return {left, left + plots[p].width, top - plots[p].height, top};
}

double Canvas::title_width(std::size_t p) const {
  constexpr double air = 8;
  return (column_width(*this, p % per_row) + 2 * std::min(room.left, room.right) - air) / font_size;
}

double title_height(std::size_t lines) { return 10 + 1.25 * font_size * static_cast<double>(lines); }

std::string screen_point(double x, double y) { return fmt::format("screen {:.5g}/width, screen {:.5g}/height", x, y); }

std::string panel_opening(const PlotPlace& place, std::size_t p) {
  return fmt::format(
      "\n  # panel {0}\n  unset label\n  unset arrow\n  unset object\n"
      "  set lmargin at screen {1:.5g}/width\n  set rmargin at screen {2:.5g}/width\n"
      "  set bmargin at screen {3:.5g}/height\n  set tmargin at screen {4:.5g}/height\n"
      "  set title title_{0} offset 0,-0.4\n  set xtics nomirror out scale 0.4 offset 0,0.3\n"
      "  set ytics nomirror out scale 0.4 offset 0.5,0\n",
      p + 1, place.left, place.right, place.bottom, place.top);
}

std::string colourbar(double x, double y, double bar_width, double bar_height) {
  return fmt::format("  set colorbox user origin {} size {}\n", screen_point(x, y),
                     screen_point(bar_width, bar_height));
}

std::string title_settings(const std::vector<std::vector<std::string>>& titles) {
  std::string text;
  for (std::size_t p = 0; p < titles.size(); ++p) {
    std::vector<std::string> constants;
    for (const std::string& line : titles[p]) constants.push_back(quoted(line));
    text += fmt::format("title_{} = {}\n", p + 1, fmt::join(constants, " . \"\\n\" . "));
  }
  return text;
}

std::string viridis(double end) {
  constexpr std::array<std::string_view, 11> colours = {"440154", "482475", "414487", "355f8d", "2a788e", "21918c",
                                                        "22a884", "44bf70", "7ad151", "bddf26", "fde725"};
  std::string text = "set palette defined (";
  for (std::size_t i = 0; i < colours.size() && static_cast<double>(i) <= end * 10 + 0.5; ++i)
    text += fmt::format("{}{} '#{}'", i == 0 ? "" : ", ", i, colours[i]);
  return text + ")\n";
}

std::string gnuplot_script(const std::string& name, const std::string& what, const Canvas& canvas,
                           const std::string& settings, const std::string& panels) {
  std::string text = fmt::format(
      "# {1}\n#\n# Draw it again:     gnuplot {0}.gp   (makes {0}.svg, .pdf and .png)\n"
      "# Some formats only: gnuplot -e \"formats='svg png'\" {0}.gp\n"
      "# Restyle it: change the settings below and draw it again. Sizes are in points (1/72 inch).\n"
      "# The numbers stand in {0}.dat, a table with a line of column names: other programs plot it as well.\n\n",
      name, what);
  text += fmt::format(
      "if (!exists('formats')) formats = 'svg pdf png'\nfont = 'Helvetica'\nfont_size = {}\npng_dpi = 300\n"
      "width = {:.1f}\nheight = {:.1f}\ndata = '{}.dat'\n{}{}",
      font_size, canvas.width(), canvas.height(), name, settings, style);
  text +=
      "\ndo for [format in formats] {\n  if (strstrt(' svg pdf png ', ' '.format.' ') == 0) {\n"
      "    print 'unknown format: '.format.' (known: svg pdf png)'\n    exit status 1\n  }\n}\n";
  return text + std::string(terminals) +
         fmt::format("  set output '{}.'.format\n  set multiplot\n{}\n  unset multiplot\n  unset output\n}}\n", name,
                     panels);
}

std::size_t label_step(std::size_t count, std::size_t most) {
  std::size_t step = 1;
  for (int i = 0; (count + step - 1) / step > most; ++i) step = i % 3 == 1 ? step / 2 * 5 : step * 2;
  return step;
}

std::string numbered_tics(const std::vector<std::size_t>& numbers, std::size_t step) {
  std::vector<std::string> tics;
  for (std::size_t i = 0; i < numbers.size(); i += step) tics.push_back(fmt::format("'{}' {}", numbers[i], i));
  return fmt::format("({})", fmt::join(tics, ", "));
}

std::string empty_plot(const std::vector<std::string>& reason) {
  std::vector<std::string> constants;
  for (const std::string& line : reason) constants.push_back(quoted(line));
  return fmt::format(
      "  unset colorbox\n  unset xtics\n  unset ytics\n  unset xlabel\n  unset ylabel\n  set xrange [0:1]\n"
      "  set yrange [0:1]\n  set label {} at graph 0.5,0.55 center textcolor rgb '#606060'\n  plot -1\n",
      fmt::join(constants, " . \"\\n\" . "));
}

}  // namespace attnspec
