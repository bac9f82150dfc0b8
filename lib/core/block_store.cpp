// mmap in huge pages.
#include "lib/core/block_store.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>

namespace attnspec {
namespace {

constexpr std::size_t page = 4096, huge_page = std::size_t{2} << 20;

std::size_t rounded_up(std::size_t bytes, std::size_t unit) { return (bytes + unit - 1) / unit * unit; }

}  // namespace

Block BlockStore::map(std::size_t bytes) {
  bytes = rounded_up(bytes, page);
  void* start = mmap(nullptr, bytes + huge_page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (start == MAP_FAILED) return {};
  // What lies before and behind the aligned part goes back.
  auto* from = static_cast<std::byte*>(start);
  const auto address = reinterpret_cast<std::uintptr_t>(from);
  const std::size_t before = rounded_up(address, huge_page) - address;
  if (before > 0) munmap(from, before);
  if (before < huge_page) munmap(from + before + bytes, huge_page - before);
  madvise(from + before, bytes, MADV_HUGEPAGE);
  return {from + before, bytes};
}

void BlockStore::unmap(const Block& block) { munmap(block.start, block.bytes); }

BlockStore::~BlockStore() { std::for_each(kept_.begin(), kept_.end(), unmap); }

Block BlockStore::take(std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  // One that is much larger than what is asked for would cost memory that nobody planned.
  const auto fits = [bytes](const Block& block) { return block.bytes >= bytes && block.bytes / 2 <= bytes; };
  if (const auto found = std::find_if(kept_.begin(), kept_.end(), fits); found != kept_.end()) {
    const Block block = *found;
    kept_.erase(found);
    return block;
  }
  std::for_each(kept_.begin(), kept_.end(), unmap);
  kept_.clear();
  return map(bytes);
}

void BlockStore::keep(const Block& block) {
  const std::lock_guard lock(mutex_);
  kept_.push_back(block);
}

}  // namespace attnspec
