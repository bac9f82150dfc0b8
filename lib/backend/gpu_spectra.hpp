// Spectra of a batch on a card: cut to its memory, copied while it computes.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <vector>

#include "lib/backend/gpu_device.hpp"
#include "lib/backend/gpu_query_keys.hpp"
#include "lib/backend/gpu_upload.hpp"
#include "lib/core/matrix_batch.hpp"
#include "lib/core/spectrum.hpp"

namespace attnspec {

enum class GpuMethod {
  gram,   ///< eigenvalues of P^T P or P P^T, whichever is smaller, fp64
  direct  ///< singular values without vectors, fp64
};

class ATTNSPEC_API GpuSpectra {
 public:
  /// `budget` bytes of the card's memory may be used; `threads` of the host fill what is copied to it. `route`: in
  /// place of the table's (lib/backend/gpu_routes).
  GpuSpectra(GpuDevice& device, GpuMethod method, std::size_t budget, unsigned threads,
             std::optional<GpuEigenRoute> route = {});

  GpuSpectra(const GpuSpectra&) = delete;
  GpuSpectra& operator=(const GpuSpectra&) = delete;
  ~GpuSpectra();

  /// As Backend::singular_values, of matrices and of queries and keys. Throws Error(limit) where the budget does not
  /// hold two matrices, or the card has less than that; GpuFailure where it fails.
  std::vector<Spectrum> operator()(const MatrixBatch& batch);

 private:
  struct Item {
    std::size_t index = 0;          ///< in the batch
    double scale = 1, squares = 0;  ///< squares: |P / scale|_F^2, where the host knows it
  };

  /// One stream with all that it works on.
  struct Lane {
    std::size_t capacity = 0;  ///< matrices
    std::size_t workspace_bytes = 0;
    GpuUpload upload;                                           ///< of matrices that are there themselves
    GpuQueryKeys heads;                                         ///< of the others
    GpuMemory<double> values_on_host, matrices, grams, values;  ///< grams: or matrices turned over
    GpuMemory<int> info_on_host, info;
    GpuMemory<std::byte> workspace;
    std::vector<Item> items;  ///< under way
  };

  GpuEigenRoute route(std::size_t n) const;
  bool turned(MatrixShape shape) const;
  std::size_t spare_numbers(MatrixShape shape) const;
  std::size_t workspace_bytes(MatrixShape shape, std::size_t count);
  std::size_t bytes_a_lane(const QueryKeyKind& kind, std::size_t count);
  std::size_t cut_of(const QueryKeyKind& kind, std::size_t wanted);
  bool allocate(Lane& lane, const QueryKeyKind& kind, std::size_t count);
  void prepare(const QueryKeyKind& kind, std::size_t wanted);
  std::vector<Item> screened(const MatrixBatch& batch, std::vector<Spectrum>& spectra) const;
  void start(unsigned stream, const MatrixBatch& batch, std::vector<Item> items);
  void wait_for_lanes() noexcept;
  void finish(unsigned stream, const MatrixBatch& batch, std::vector<Spectrum>& spectra);

  GpuDevice& device_;
  GpuMethod method_;
  std::size_t budget_;
  unsigned threads_;
  std::optional<GpuEigenRoute> route_;
  QueryKeyKind kind_;  ///< that the lanes are made for
  std::array<Lane, GpuDevice::streams> lanes_;
};

}  // namespace attnspec
