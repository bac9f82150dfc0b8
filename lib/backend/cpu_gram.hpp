// The Gram route in lanes as a method, and the way back to LAPACK.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "lib/backend/cpu_spectra.hpp"
#include "lib/backend/lanes/gram.hpp"
#include "lib/core/matrix_batch.hpp"
#include "lib/core/spectrum.hpp"

namespace attnspec {

/// One worker's share of a batch.
class CpuGram {
 public:
  /// Spectra of matrices [first, first + count) of the batch; count is at most matrices_at_once of its shape. A matrix
  /// whose squares vanish or overflow, that does not converge or that fails the identity of squares is solved by LAPACK
  /// from its Gram matrix; one of so low a rank that rounding would show in its curve, by dgesdd.
  void run(const MatrixBatch& batch, std::size_t first, std::size_t count, std::vector<Spectrum>& spectra,
           CpuWorkspace& workspace);

 private:
  MatrixShape shape_;  ///< that kernels_ is made for
  std::unique_ptr<GramLanes> kernels_;
  std::vector<double> values_;
};

}  // namespace attnspec
