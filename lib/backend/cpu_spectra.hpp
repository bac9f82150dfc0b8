// Singular values of one matrix by LAPACK: directly, or through the Gram matrix.
#pragma once

#include <cstddef>
#include <memory>

#include "lib/core/matrix_batch.hpp"
#include "lib/core/spectrum.hpp"

namespace attnspec {

/// Scratch memory of one worker, aligned to 64 bytes so that results do not depend on where it lies.
class CpuWorkspace {
 public:
  double* block(std::size_t numbers);

 private:
  struct Free {
    void operator()(double* block) const;
  };
  std::unique_ptr<double[], Free> block_;
  std::size_t numbers_ = 0;
};

/// LAPACK's dgesdd without vectors.
Spectrum direct_spectrum(const MatrixBatch& batch, std::size_t b, CpuWorkspace& workspace);

/// Eigenvalues of P^T P or P P^T, whichever is smaller: dsyrk, then dsyevd without vectors. 7/3 n^3 flops of which
/// three sevenths are a matrix product.
Spectrum gram_spectrum(const MatrixBatch& batch, std::size_t b, CpuWorkspace& workspace);

}  // namespace attnspec
