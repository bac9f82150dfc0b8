// A figure before it is drawn: a gnuplot script and its data.
#pragma once

#include <string>

#include "analysis/writers/text_file.hpp"

namespace attnspec {

/// A gnuplot script and the data that it draws. `gnuplot NAME.gp` in their folder draws NAME.svg, NAME.pdf and
/// NAME.png; `gnuplot -e "formats='png'" NAME.gp` only the named ones (a list separated by spaces).
struct Figure {
  std::string name;  ///< "figure1_layers"
  TextFile script;   ///< NAME.gp
  TextFile data;     ///< NAME.dat
};

}  // namespace attnspec
