// One stream of the card with all that the spectra of some matrices take there, from their upload to their values.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "lib/backend/gpu_device.hpp"
#include "lib/backend/gpu_query_keys.hpp"
#include "lib/backend/gpu_upload.hpp"
#include "lib/backend/screening.hpp"
#include "lib/core/export.hpp"
#include "lib/core/matrix_batch.hpp"

namespace attnspec {

enum class GpuMethod {
  gram,   ///< eigenvalues of P^T P or P P^T, whichever is smaller, fp64
  direct  ///< singular values without vectors, fp64
};

/// What is computed, of matrices that have all this in common.
struct GpuSpectrumTask {
  GpuMethod method = GpuMethod::gram;
  GpuEigenRoute route = GpuEigenRoute::together;
  QueryKeyKind kind;

  bool operator==(const GpuSpectrumTask&) const = default;

  /// For every call of a library (lib/backend/gpu_fixed_calls); 1 where none takes more than one.
  std::size_t matrices_a_call() const;
  /// Whether matrices are turned over first: the solver of singular values wants none that are higher than wide.
  bool turned() const;
  /// Beside a matrix: its Gram matrix, or itself turned over.
  std::size_t spare_numbers() const;
  std::size_t workspace_bytes(GpuDevice& device, std::size_t count, std::size_t a_call) const;
  /// Of the card's memory that the libraries take, lanes or none.
  std::size_t library_bytes(GpuDevice& device, std::size_t a_call) const;
  /// Of the card's memory that a lane takes.
  std::size_t bytes(GpuDevice& device, std::size_t count, std::size_t a_call) const;
};

/// A matrix of a batch, on its way.
struct GpuSpectrumItem {
  std::size_t index = 0;  ///< in the batch
  Look look;              ///< of halves it is known once they are sent, of queries and keys it is not
};

class GpuSpectrumLane {
 public:
  GpuSpectrumLane() = default;
  /// For `capacity` matrices, whole calls of `a_call`. Empty where the card has no room: check with bool.
  GpuSpectrumLane(GpuDevice& device, const GpuSpectrumTask& task, std::size_t capacity, std::size_t a_call);

  explicit operator bool() const { return capacity_ > 0; }
  std::size_t capacity() const { return capacity_; }
  std::size_t a_call() const { return a_call_; }

  /// Queues everything up to the values' way back.
  void start(GpuDevice& device, unsigned stream, unsigned threads, const MatrixBatch& batch,
             std::span<GpuSpectrumItem> items);

  /// After the stream was waited for, of the i-th item: what the solver gave, in its order; what it said; and what
  /// queries and keys made.
  std::span<const double> values(std::size_t i) const;
  int info(std::size_t i) const { return info_on_host_.get()[i]; }
  const GpuQueryKeys& heads() const { return heads_; }

 private:
  void send(GpuDevice& device, unsigned stream, unsigned threads, const MatrixBatch& batch,
            std::span<GpuSpectrumItem> items);
  void find_eigenvalues(GpuDevice& device, unsigned stream, std::size_t count);
  void find_singular_values(GpuDevice& device, unsigned stream, std::size_t count);

  GpuSpectrumTask task_;
  std::size_t capacity_ = 0, a_call_ = 1, workspace_bytes_ = 0;
  GpuUpload upload_;                                              ///< of matrices that are there themselves
  GpuQueryKeys heads_;                                            ///< of the others
  GpuMemory<double> values_on_host_, matrices_, spare_, values_;  ///< spare: Gram matrices, or matrices turned over
  GpuMemory<int> info_on_host_, info_;
  GpuMemory<std::byte> workspace_;
};

}  // namespace attnspec
