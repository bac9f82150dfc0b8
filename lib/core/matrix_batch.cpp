// The block behind a MatrixBatch.
#include "lib/core/matrix_batch.hpp"

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

void MatrixBatch::Free::operator()(double* block) const { std::free(block); }

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
  const std::size_t rounded = (bytes / alignment + 1) * alignment;
  data_.reset(static_cast<double*>(std::aligned_alloc(alignment, rounded)));
  if (!data_)
    throw Error(ErrorKind::limit, "no memory for a batch of " + std::to_string(bytes >> 20) +
                                      " MiB; give a smaller --max-memory, so that batches are cut smaller");
  std::memset(data_.get(), 0, bytes);
}

}  // namespace attnspec
