// Large blocks of memory in huge pages, kept for the next batch: a page costs more the first time than what goes there.
#pragma once

#include <cstddef>
#include <mutex>
#include <vector>

#include "lib/core/export.hpp"

namespace attnspec {

/// Memory mapped for one batch; it has no owner of its own.
struct Block {
  void* start = nullptr;
  std::size_t bytes = 0;
};

/// Used from any thread.
class BlockStore {
 public:
  BlockStore() = default;
  BlockStore(const BlockStore&) = delete;
  BlockStore& operator=(const BlockStore&) = delete;
  ~BlockStore();

  /// A block of at least `bytes`, as its last user left it; a fresh one of zeros where none of the kept ones fits,
  /// which are then let go. {nullptr, 0} where there is no memory.
  Block take(std::size_t bytes);
  void keep(const Block& block);

  /// The same without a store.
  ATTNSPEC_API static Block map(std::size_t bytes);
  ATTNSPEC_API static void unmap(const Block& block);

 private:
  std::mutex mutex_;
  std::vector<Block> kept_;
};

}  // namespace attnspec
