// What one panel of Figure 1 shows: the heads of a dump at its commonest n, and the words above them.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "analysis/spectrum_summary.hpp"
#include "analysis/writers/figure1.hpp"
#include "analysis/writers/gnuplot_canvas.hpp"

namespace attnspec {

/// One head's mean over its samples.
struct HeadCurve {
  std::size_t samples = 0;
  std::vector<double> share;  ///< at j = 1..n
  double share_at_index = 0;
};

struct Figure1Panel {
  std::string model, dump;
  std::size_t n = 0, index = 0;
  std::size_t lengths = 0;                                          ///< how many n the dump has, this one included
  std::vector<std::size_t> layers, heads;                           ///< that the dump's rows name at any n, rising
  std::map<std::pair<std::size_t, std::size_t>, HeadCurve> curves;  ///< by (layer, head); only those with a result
  bool shares_model = false;                                        ///< another panel shows the same model
};

/// A panel a dump, in order. Shapes that share n are averaged by their samples.
/// Throws Error(internal) where there is no dump.
std::vector<Figure1Panel> figure1_panels(const std::vector<DumpSummary>& dumps, Weight weight);

/// Model (and file, where another panel has the same model), n, layers, heads and samples, in lines of `width` em.
std::vector<std::string> title_lines(const Figure1Panel& panel, double width);

/// The titles of all panels; makes room for the longest above the plots.
std::vector<std::vector<std::string>> titles_of(const std::vector<Figure1Panel>& panels, Canvas& canvas);

/// The layers that have a curve, rising.
std::vector<std::size_t> layers_with_curves(const Figure1Panel& panel);

/// The mean over the means of a layer's heads at j = 1..n; every head counts the same.
std::vector<double> mean_curve(const Figure1Panel& panel, std::size_t layer);

/// The mean of the share at the index over all heads of all layers.
double mean_share_at_index(const Figure1Panel& panel);

/// What a panel without a curve says instead, in lines.
std::vector<std::string> reason_for_no_curve(const Figure1Panel& panel);

/// The comment lines at the top of a data file: which panel is which dump.
std::string data_opening(const std::string& what, const std::vector<Figure1Panel>& panels);

/// The line of column names, as gnuplot's block 0: the data begin at `index 1`.
std::string data_header(const std::string& columns);

}  // namespace attnspec
