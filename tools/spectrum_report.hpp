// The result of `spectrum` for a terminal of 80 columns: a line a layer, and the heads that stand out.
#pragma once

#include <string>

#include "analysis/spectrum_summary.hpp"
#include "analysis/writers/figure1.hpp"
#include "tools/terminal.hpp"

namespace attnspec {

std::string spectrum_report(const DumpSummary& summary, Weight weight, const Terminal& terminal);

}  // namespace attnspec
