// Is a dump sound? A look at its matrices, without their spectra.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "analysis/matrix_finding.hpp"
#include "analysis/memory_plan.hpp"
#include "analysis/query_key_residual.hpp"
#include "lib/core/export.hpp"
#include "lib/dump/attention_dump.hpp"

namespace attnspec {

/// The place of what is wrong with a dump as a whole.
inline constexpr const char* the_file = "the file";

/// A finding of one matrix, or of the dump as a whole.
struct DumpFinding {
  std::string place;      ///< "sample 1, layer 0, head 2", "layers 2 and 5", "the file"
  MatrixFinding finding;  ///< its id means nothing where `of_matrix` is false
  bool of_matrix = true;
  Soundness seen = {};  ///< of that matrix
};

/// The largest difference between P and the P that Q and K give.
struct MeasuredResidual {
  QueryKeyResidual residual;
  MatrixId id;
  double tolerance = 0;
};

struct Inspection {
  DumpInfo info;  ///< its notes go on with what the matrices say
  std::size_t selected = 0, checked = 0;
  double worst_row_error = 0;  ///< the largest distance of a row sum from one, over matrices that are finite
  Soundness range;  ///< over all matrices: least and greatest entry and row sum; zeros, visible and not_finite entries
  std::optional<MeasuredResidual> qk_residual;  ///< over matrices that are not refused, where P, Q and K are stored
  /// By kind: how many matrices; of duplicate_layer those of the later layer. unfinished counts as one.
  std::map<std::string, std::size_t> refused, warnings;
  std::vector<DumpFinding> findings;  ///< the first few of each kind

  bool sound() const { return refused.empty(); }
};

/// Reads every matrix of the selection. `on_progress` hears (done, total) after each batch; false ends the look early.
/// Beside the matrices' own findings there are warnings of the dump: duplicate_layer, qk_residual (P is stored, and not
/// what Q and K give) and unfinished.
ATTNSPEC_API Inspection inspect(const AttentionDump& dump, const Selection& selection, const MemoryPlan& plan,
                                const std::function<bool(std::size_t, std::size_t)>& on_progress);

}  // namespace attnspec
