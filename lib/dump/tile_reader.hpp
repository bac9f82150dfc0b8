// From tiles on disk to matrices in a batch.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "lib/core/matrix_batch.hpp"
#include "lib/dump/dump_contents.hpp"

namespace attnspec {

/// Reads the matrices that a batch names, on several threads: cuts the padding, widens to double, computes P where the
/// dump holds Q and K, and looks whether it is attention. The dump outlives it.
class TileReader {
 public:
  /// `faults_only`: of what a look at a sound matrix sees, nothing is kept (Cut).
  explicit TileReader(const DumpContents& dump, unsigned threads = 1, bool faults_only = false);
  ~TileReader();
  /// By the workers [first, first + count) of `threads`: what two callers name at the same time must not overlap.
  void fill(MatrixBatch& batch, unsigned first, unsigned count);

  /// How long threads have waited for the file so far, in seconds, all of them together.
  double seconds_waited() const;

  /// The same matrices as queries and keys; nothing where the dump holds P, where P takes fewer bytes, or where a head
  /// wants a look at its P: damaged, not finite, or scores near overflow.
  std::optional<MatrixBatch> queries_and_keys(MatrixShape shape, const std::vector<MatrixId>& ids, unsigned first,
                                              unsigned count);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace attnspec
