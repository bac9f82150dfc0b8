// The block behind a MatrixBatch.
#include "lib/core/matrix_batch.hpp"

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <utility>

#include "lib/core/block_store.hpp"
#include "lib/core/error.hpp"
#include "lib/core/half.hpp"

namespace attnspec {

std::string name_of(const MatrixId& id) {
  return "sample " + std::to_string(id.sample) + ", layer " + std::to_string(id.layer) + ", head " +
         std::to_string(id.head);
}

void FreeBlock::operator()(double* block) const {
  if (mapped_bytes == 0)
    std::free(block);
  else if (store)
    store->keep({block, mapped_bytes});
  else
    BlockStore::unmap({block, mapped_bytes});
}

MatrixBatch::MatrixBatch(MatrixShape shape, std::vector<MatrixId> ids, std::shared_ptr<BlockStore> store,
                         BatchNumbers numbers)
    : shape_(shape),
      numbers_(numbers),
      ids_(std::move(ids)),
      storage_errors_(ids_.size(), 0.0),
      soundness_(ids_.size()) {
  constexpr std::size_t alignment = 64;
  constexpr std::size_t most = std::numeric_limits<std::size_t>::max() / 2 / sizeof(double);
  const bool too_many = shape.cols != 0 && shape.rows > most / shape.cols;
  if (too_many || (shape.elements() != 0 && ids_.size() > most / shape.elements()))
    throw Error(ErrorKind::limit, "a batch of " + std::to_string(ids_.size()) + " matrices of " +
                                      std::to_string(shape.rows) + " x " + std::to_string(shape.cols) +
                                      " is larger than any memory");
  const std::size_t bytes =
      ids_.size() * shape.elements() * (numbers == BatchNumbers::halves ? sizeof(std::uint16_t) : sizeof(double));
  constexpr std::size_t large = std::size_t{2} << 20, worth_keeping = std::size_t{64} << 10;
  if (bytes >= (store ? worth_keeping : large)) {
    const Block block = store ? store->take(bytes) : BlockStore::map(bytes);
    data_ = {static_cast<double*>(block.start), FreeBlock{block.bytes, std::move(store)}};
  } else {
    data_ = {static_cast<double*>(std::aligned_alloc(alignment, bytes / alignment * alignment + alignment)), {}};
    if (data_) std::memset(data_.get(), 0, bytes);
  }
  if (!data_)
    throw Error(ErrorKind::limit, "no memory for a batch of " + std::to_string(bytes >> 20) +
                                      " MiB; give a smaller --max-memory, so that batches are cut smaller");
}

MatrixBatch::MatrixBatch(MatrixShape shape, std::vector<MatrixId> ids, std::unique_ptr<const QueryKeyHeads> heads)
    : shape_(shape),
      ids_(std::move(ids)),
      storage_errors_(ids_.size(), 0.0),
      soundness_(ids_.size()),
      heads_(std::move(heads)) {}

std::span<const double> MatrixBatch::doubles(std::size_t b, std::vector<double>& room) const {
  if (numbers_ == BatchNumbers::doubles) return matrix(b);
  const std::span<const std::uint16_t> entries = halves(b);
  room.resize(entries.size());
  from_halves(std::as_bytes(entries).data(), room.data(), room.size());
  return room;
}

}  // namespace attnspec
