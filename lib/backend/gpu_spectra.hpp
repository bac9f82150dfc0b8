// Spectra of a batch on a card: cut to its memory, copied while it computes.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <vector>

#include "lib/backend/gpu_device.hpp"
#include "lib/backend/gpu_spectrum_lane.hpp"
#include "lib/core/matrix_batch.hpp"
#include "lib/core/spectrum.hpp"

namespace attnspec {

class ATTNSPEC_API GpuSpectra {
 public:
  /// `budget` bytes of the card's memory may be used, with what its libraries take; `threads` of the host fill what is
  /// copied to it. `route`: in place of the table's (lib/backend/gpu_routes).
  GpuSpectra(GpuDevice& device, GpuMethod method, std::size_t budget, unsigned threads,
             std::optional<GpuEigenRoute> route = {});

  GpuSpectra(const GpuSpectra&) = delete;
  GpuSpectra& operator=(const GpuSpectra&) = delete;
  ~GpuSpectra();

  /// As Backend::singular_values, of matrices and of queries and keys. Bits do not depend on the batch as long as the
  /// memory holds a call of lib/backend/gpu_fixed_calls (usually below 500 MiB); smaller calls, which may have others,
  /// are made where it does not. Throws Error(limit) where the budget does not hold a matrix, or the card has less than
  /// that; GpuFailure where it fails.
  std::vector<Spectrum> operator()(const MatrixBatch& batch);

  /// Nothing of the card's memory is held any more, until the next batch.
  void release();

 private:
  using Item = GpuSpectrumItem;

  GpuSpectrumTask task_of(const MatrixBatch& batch) const;
  std::size_t cut_of(const GpuSpectrumTask& task, std::size_t wanted, std::size_t a_call, unsigned lanes);
  bool allocate(const GpuSpectrumTask& task, std::size_t cut, std::size_t a_call, unsigned lanes);
  void prepare(const GpuSpectrumTask& task, std::size_t wanted);
  void give_back();
  std::vector<Item> screened(const MatrixBatch& batch, std::size_t first, std::size_t end,
                             std::vector<Spectrum>& spectra) const;
  void start(unsigned stream, const MatrixBatch& batch, std::vector<Item> items);
  void wait_for_lanes() noexcept;
  void finish(unsigned stream, const MatrixBatch& batch, std::vector<Spectrum>& spectra);

  GpuDevice& device_;
  GpuMethod method_;
  std::size_t budget_;
  unsigned threads_;
  std::optional<GpuEigenRoute> route_;
  GpuSpectrumTask task_;  ///< that the lanes are made for
  unsigned lanes_made_ = 0;
  std::array<GpuSpectrumLane, GpuDevice::streams> lanes_;
  std::array<std::vector<Item>, GpuDevice::streams> under_way_;
};

}  // namespace attnspec
