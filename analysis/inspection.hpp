// Is a dump sound? A look at its matrices, without their spectra.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "analysis/matrix_finding.hpp"
#include "lib/core/export.hpp"
#include "lib/dump/attention_dump.hpp"

namespace attnspec {

struct Inspection {
  DumpInfo info;
  std::size_t selected = 0, checked = 0;
  double worst_row_error = 0;  ///< the largest distance of a row sum from one, over matrices that are finite
  std::map<std::string, std::size_t> refused, warnings;  ///< by kind: how many matrices
  std::vector<MatrixFinding> findings;                   ///< the first few of each kind

  bool sound() const { return refused.empty(); }
};

/// Reads every matrix of the selection. `on_progress` hears (done, total) after each batch; false ends the look early.
ATTNSPEC_API Inspection inspect(const AttentionDump& dump, const Selection& selection, std::size_t batch_bytes,
                                const std::function<bool(std::size_t, std::size_t)>& on_progress);

}  // namespace attnspec
