// Drawing figures: gnuplot runs in the folder where its script and data lie.
#pragma once

#include <string>
#include <vector>

namespace attnspec {

/// True where a gnuplot can be started.
bool gnuplot_is_here();

/// Draws every script in every format, side by side. Throws Error(output) with gnuplot's own words where one fails, or
/// where a file is missing afterwards.
void draw_figures(const std::string& folder, const std::vector<std::string>& names,
                  const std::vector<std::string>& formats);

}  // namespace attnspec
