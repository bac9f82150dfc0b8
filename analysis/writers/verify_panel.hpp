// What one panel of a verify figure shows: rows of one claim in one dump at its commonest n, and the words around them.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/verify_row.hpp"
#include "analysis/writers/gnuplot_canvas.hpp"

namespace attnspec {

struct VerifyPanel {
  std::string model, dump;
  std::optional<double> epsilon = {};       ///< none: rows of every epsilon
  std::size_t n = 0, lengths = 0;           ///< lengths: how many n the claim has, this one included
  std::size_t trials = 0;                   ///< of the rows that were measured
  double confidence = 0.95;                 ///< of their intervals
  std::vector<const VerifyRow*> rows = {};  ///< point into the verification
  bool shares_model = false;                ///< another dump has the same model
  std::size_t not_applicable = 0;           ///< heads of this n on which the claim means nothing
  std::string norm = {};                    ///< of V, where the panel shows one of them only
};

/// The panels that are drawn, in the order of dumps and epsilons, and those for which there was no room.
struct VerifyPanels {
  std::vector<VerifyPanel> drawn;
  std::vector<std::string> left_out;  ///< "roberta.h5, epsilon = 0.1"
};

enum class PanelEach { dump, epsilon };

/// At least one panel a dump, without rows where the claim has none, and `most` in all. The panels point into `dumps`.
/// Throws Error(internal) where there is no dump.
VerifyPanels verify_panels(const std::vector<DumpVerification>& dumps, std::string_view claim, PanelEach each,
                           std::size_t most = 6);

/// Theorem 2's panels once for each norm of V in its readings' names, Frobenius first; a panel without any stays one.
VerifyPanels by_norm(const VerifyPanels& panels);

/// How many layers, heads and samples the rows name.
struct PanelSize {
  std::size_t layers = 0, heads = 0, samples = 0, matrices = 0;
};
PanelSize size_of(const std::vector<const VerifyRow*>& rows);

/// The rows made from V, or else those made like the first; of Theorem 2's only those with the first's delta.
std::vector<const VerifyRow*> of_one_kind(const std::vector<const VerifyRow*>& rows);

/// The paper's formulas for k that the rows name, with their k, rising, each once.
struct PaperMark {
  std::string source;  ///< as in VerifyRow: "theorem1", ...
  std::size_t k = 0;
};
std::vector<PaperMark> paper_marks(const std::vector<const VerifyRow*>& rows);

/// "ε = 0.5".
std::string epsilon_text(double epsilon);

/// The titles of all panels; makes room for the longest above the plots.
std::vector<std::vector<std::string>> titles_of(const VerifyPanels& panels, Canvas& canvas);

/// What a panel without a number says instead, in lines.
std::vector<std::string> reason_for_nothing(const VerifyPanel& panel);

/// The comment lines at the top of a data file: which panel is which dump, and what was left out.
std::string data_opening(const std::string& what, const VerifyPanels& panels);

/// Sets `point` to the pointsize with which a circle is `point_size` (1/72 inch) wide; the first of the panels' lines.
std::string point_scaling();

/// A number of a table that gnuplot reads; NaN where there is none.
std::string cell(std::optional<double> number);

}  // namespace attnspec
