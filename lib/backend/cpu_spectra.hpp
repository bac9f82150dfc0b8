// Singular values of one matrix by LAPACK: directly, or through the Gram matrix.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "lib/core/matrix_batch.hpp"
#include "lib/core/spectrum.hpp"

namespace attnspec {

/// Scratch memory of one worker, aligned to 64 bytes so that results do not depend on where it lies.
class CpuWorkspace {
 public:
  double* block(std::size_t numbers);
  /// For a matrix that comes as halves.
  std::vector<double>& wide() { return wide_; }

 private:
  struct Free {
    void operator()(double* block) const;
  };
  std::unique_ptr<double[], Free> block_;
  std::size_t numbers_ = 0;
  std::vector<double> wide_;
};

/// LAPACK's dgesdd without vectors.
Spectrum direct_spectrum(const MatrixBatch& batch, std::size_t b, CpuWorkspace& workspace);

/// Eigenvalues of P^T P or P P^T, whichever is smaller: dsyrk, then dsyevd without vectors. 7/3 n^3 flops of which
/// three sevenths are a matrix product.
Spectrum gram_spectrum(const MatrixBatch& batch, std::size_t b, CpuWorkspace& workspace);

}  // namespace attnspec
