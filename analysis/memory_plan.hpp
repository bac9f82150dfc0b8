// How large batches may be, so that a run stays under --max-memory whatever the size of the dump.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lib/core/export.hpp"
#include "lib/dump/attention_dump.hpp"

namespace attnspec {

struct MemoryPlan {
  std::size_t batch_bytes = 0;  ///< for a Cut
  unsigned threads = 1;         ///< fewer than asked for where their workspaces would not fit
};

/// A run holds a batch for each thread that computes and two more, two matrices a thread, the raw bytes of a read for
/// each, and the sums of every head and length. Throws Error(limit) where one matrix alone does not fit, or too many
/// unlike lengths are asked for. `good_batch`: matrices that a backend wants at once; 0: a few. `callers`: threads that
/// bring it batches.
ATTNSPEC_API MemoryPlan plan_memory(const DumpInfo& info, const Selection& selection, unsigned threads,
                                    std::uint64_t max_memory, std::size_t good_batch = 0, unsigned callers = 1);

}  // namespace attnspec
