// From tiles on disk to matrices in a batch.
#pragma once

#include <memory>

#include "lib/core/matrix_batch.hpp"
#include "lib/dump/layout.hpp"

namespace attnspec {

/// Reads the matrices that a batch names: cuts the padding, widens to double, computes P where the dump holds Q and K.
/// One reader a thread; the layout outlives it.
class TileReader {
 public:
  explicit TileReader(const DumpLayout& layout);
  ~TileReader();
  void fill(MatrixBatch& batch);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace attnspec
