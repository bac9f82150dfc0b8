// Where the lanes find the matrices of a batch: as they were read.
#pragma once

#include <cstddef>
#include <vector>

#include "lib/backend/lanes/direct32.hpp"
#include "lib/core/matrix_batch.hpp"

namespace attnspec {

/// Of matrices [first, first + count).
inline std::vector<EntriesAt> entries_of(const MatrixBatch& batch, std::size_t first, std::size_t count) {
  std::vector<EntriesAt> entries(count);
  for (std::size_t m = 0; m < count; ++m)
    if (batch.numbers() == BatchNumbers::halves)
      entries[m].halves = batch.halves(first + m).data();
    else
      entries[m].doubles = batch.matrix(first + m).data();
  return entries;
}

}  // namespace attnspec
