// Singular values of square matrices without a Gram matrix, in single precision where that is enough: dense to band
// (fp32), band to bidiagonal and bidiagonal to values (fp64), many matrices in the lanes of a vector.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

namespace attnspec {

class Direct32 {
 public:
  /// Matrices that are worked on at once.
  static constexpr std::size_t most_matrices = 16;
  /// n must be a multiple of it: pad with zero rows and columns.
  static constexpr std::size_t unit = 8;

  virtual ~Direct32() = default;

  /// `matrix(m)` gives matrix m, n x n, row-major, with its largest entry between 1 and 2 or 0; it stays valid until
  /// the next call. values[m * n + i], falling. Bit m of the answer: matrix m did not converge.
  virtual std::uint64_t run(std::size_t count, const std::function<const float*(std::size_t m)>& matrix,
                            double* values) = 0;
};

/// The instruction sets that it is compiled for.
enum class VectorSet { avx512, avx2, portable };

/// The widest that this processor has, or the one that ATTNSPEC_VECTORS (avx512, avx2, portable) asks for.
VectorSet vector_set();

std::unique_ptr<Direct32> make_direct32(VectorSet set, std::size_t n);

}  // namespace attnspec
