// Matrices of one shape in one block of memory: what dumps give and backends take.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "lib/core/export.hpp"
#include "lib/core/matrix_shape.hpp"
#include "lib/core/query_key_heads.hpp"
#include "lib/core/soundness.hpp"

namespace attnspec {

/// Which matrix of a dump: all three count from 0.
struct MatrixId {
  std::size_t sample = 0, layer = 0, head = 0;

  auto operator<=>(const MatrixId&) const = default;
};

/// "sample 3, layer 7, head 2", for messages.
ATTNSPEC_API std::string name_of(const MatrixId& id);

class BlockStore;

/// Gives a batch's memory back.
struct FreeBlock {
  std::size_t mapped_bytes = 0;       ///< 0: it is from the heap
  std::shared_ptr<BlockStore> store;  ///< where it goes; none: to the system
  ATTNSPEC_API void operator()(double* block) const;
};

/// How a batch holds its numbers. Halves (IEEE 754, 2 bytes) where a dump stores them: a quarter of the memory traffic.
enum class BatchNumbers { doubles, halves };

/// size() matrices of one shape, row-major, back to back, the block aligned to 64 bytes; or the queries and keys that
/// make them, for a backend that takes those.
class ATTNSPEC_API MatrixBatch {
 public:
  MatrixBatch() = default;
  /// The matrices start out as zeros; with a store, as the block's last user left them. Throws Error(limit) where the
  /// block can not be had.
  MatrixBatch(MatrixShape shape, std::vector<MatrixId> ids, std::shared_ptr<BlockStore> store = nullptr,
              BatchNumbers numbers = BatchNumbers::doubles);

  /// The same matrices as queries and keys; none of the matrices must be asked for.
  MatrixBatch(MatrixShape shape, std::vector<MatrixId> ids, std::unique_ptr<const QueryKeyHeads> heads);

  std::size_t size() const { return ids_.size(); }
  MatrixShape shape() const { return shape_; }
  const MatrixId& id(std::size_t b) const { return ids_[b]; }

  BatchNumbers numbers() const { return numbers_; }

  /// Of a batch of doubles.
  std::span<double> matrix(std::size_t b) { return {data_.get() + b * shape_.elements(), shape_.elements()}; }
  std::span<const double> matrix(std::size_t b) const {
    return {data_.get() + b * shape_.elements(), shape_.elements()};
  }

  /// Of a batch of halves.
  std::span<std::uint16_t> halves(std::size_t b) {
    return {reinterpret_cast<std::uint16_t*>(data_.get()) + b * shape_.elements(), shape_.elements()};
  }
  std::span<const std::uint16_t> halves(std::size_t b) const {
    return {reinterpret_cast<const std::uint16_t*>(data_.get()) + b * shape_.elements(), shape_.elements()};
  }

  /// As doubles, of either; halves are widened into `room`.
  std::span<const double> doubles(std::size_t b, std::vector<double>& room) const;

  /// Gives the matrices' memory back; everything but the matrices can still be asked for.
  void drop_entries() { data_.reset(); }

  /// Null where the matrices are there themselves.
  const QueryKeyHeads* queries_and_keys() const { return heads_.get(); }

  /// How far storage may have moved the matrix: an estimate of the Frobenius norm of the rounding, 0 where unknown.
  /// Of queries and keys the backend tells (Spectrum::storage_error).
  double storage_error(std::size_t b) const { return storage_errors_[b]; }
  void set_storage_error(std::size_t b, double error) { storage_errors_[b] = error; }

  /// What the reader saw when it looked for attention in the matrix; sound where it did not look.
  const Soundness& soundness(std::size_t b) const { return soundness_[b]; }
  void set_soundness(std::size_t b, const Soundness& seen) { soundness_[b] = seen; }

 private:
  MatrixShape shape_;
  BatchNumbers numbers_ = BatchNumbers::doubles;
  std::vector<MatrixId> ids_;
  std::vector<double> storage_errors_;
  std::vector<Soundness> soundness_;
  std::unique_ptr<double[], FreeBlock> data_;
  std::unique_ptr<const QueryKeyHeads> heads_;
};

}  // namespace attnspec
