// Figure 1 of Linformer as gnuplot scripts: curves a layer, and the layer x head heatmap.
#pragma once

#include <vector>

#include "analysis/spectrum_summary.hpp"
#include "analysis/writers/figure.hpp"
#include "lib/core/export.hpp"

namespace attnspec {

/// Which curve a figure shows: shares of sigma (the paper's text) or of sigma^2.
enum class Weight { sigma, energy };

/// Normalised cumulative singular values against their index: a curve a layer (mean over heads and samples),
/// a panel a dump, at the n that most of its matrices have (Wang et al. 2020, Figure 1 left).
ATTNSPEC_API Figure figure1_layers(const std::vector<DumpSummary>& dumps, Weight weight);

/// The share at the summary's index by layer and head, a panel a dump (Wang et al. 2020, Figure 1 right).
ATTNSPEC_API Figure figure1_heatmap(const std::vector<DumpSummary>& dumps, Weight weight);

}  // namespace attnspec
