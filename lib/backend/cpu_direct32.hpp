// The lane kernels as a method: padding, scale, deflation, and the way back to a surer method.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "lib/backend/cpu_spectra.hpp"
#include "lib/backend/lanes/direct32.hpp"
#include "lib/core/matrix_batch.hpp"
#include "lib/core/spectrum.hpp"

namespace attnspec {

/// One worker's share of a batch, up to Direct32::most_matrices at a time.
class CpuDirect32 {
 public:
  /// Spectra of matrices [first, first + count) of the batch. A matrix that this method is not made for, does not
  /// converge or fails the identity of squares is solved by the Gram matrix; one of so low a rank that rounding would
  /// show in its curve, by dgesdd.
  void run(const MatrixBatch& batch, std::size_t first, std::size_t count, std::vector<Spectrum>& spectra,
           CpuWorkspace& workspace);

 private:
  const float* prepared(std::span<const double> matrix, MatrixShape shape, double scale, double squares);

  std::size_t side_ = 0;  ///< that kernels_ is made for
  std::unique_ptr<Direct32> kernels_;
  std::vector<float> padded_;
  std::vector<double> turned_, sums_, products_, values_;
};

/// Whether the kernels are made for this shape: up to n = 1024, not longer than twice its width or the other way round.
bool suits_direct32(MatrixShape shape);

}  // namespace attnspec
