// The block behind a MatrixBatch.
#include "lib/core/matrix_batch.hpp"

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <utility>

#include "lib/core/error.hpp"

namespace attnspec {

std::string name_of(const MatrixId& id) {
  return "sample " + std::to_string(id.sample) + ", layer " + std::to_string(id.layer) + ", head " +
         std::to_string(id.head);
}

namespace {

constexpr std::size_t huge_page = std::size_t{2} << 20;

std::size_t rounded_up(std::size_t bytes, std::size_t unit) { return (bytes + unit - 1) / unit * unit; }

/// Zeros from the kernel; in huge pages, for a fault every 4 KiB costs more than reading what goes there.
double* map_pages(std::size_t bytes) {
  void* start = mmap(nullptr, bytes + huge_page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (start == MAP_FAILED) return nullptr;
  // What lies before and behind the aligned part goes back.
  auto* from = static_cast<std::byte*>(start);
  const auto address = reinterpret_cast<std::uintptr_t>(from);
  const std::size_t before = rounded_up(address, huge_page) - address;
  if (before > 0) munmap(from, before);
  if (before < huge_page) munmap(from + before + bytes, huge_page - before);
  madvise(from + before, bytes, MADV_HUGEPAGE);
  return reinterpret_cast<double*>(from + before);
}

}  // namespace

void FreeBlock::operator()(double* block) const {
  if (mapped_bytes > 0)
    munmap(block, mapped_bytes);
  else
    std::free(block);
}

MatrixBatch::MatrixBatch(MatrixShape shape, std::vector<MatrixId> ids)
    : shape_(shape), ids_(std::move(ids)), storage_errors_(ids_.size(), 0.0), soundness_(ids_.size()) {
  constexpr std::size_t alignment = 64;
  constexpr std::size_t most = std::numeric_limits<std::size_t>::max() / 2 / sizeof(double);
  const bool too_many = shape.cols != 0 && shape.rows > most / shape.cols;
  if (too_many || (shape.elements() != 0 && ids_.size() > most / shape.elements()))
    throw Error(ErrorKind::limit, "a batch of " + std::to_string(ids_.size()) + " matrices of " +
                                      std::to_string(shape.rows) + " x " + std::to_string(shape.cols) +
                                      " is larger than any memory");
  const std::size_t bytes = ids_.size() * shape.elements() * sizeof(double);
  const bool large = bytes >= huge_page;
  const std::size_t room = rounded_up(bytes + 1, large ? std::size_t{4096} : alignment);
  data_ = {large ? map_pages(room) : static_cast<double*>(std::aligned_alloc(alignment, room)),
           FreeBlock{large ? room : 0}};
  if (!data_)
    throw Error(ErrorKind::limit, "no memory for a batch of " + std::to_string(bytes >> 20) +
                                      " MiB; give a smaller --max-memory, so that batches are cut smaller");
  if (!large) std::memset(data_.get(), 0, bytes);
}

}  // namespace attnspec
