// Singular values without a Gram matrix, in single precision where that is enough: dense to band (fp32), band to
// bidiagonal and bidiagonal to values (fp64), many matrices in the lanes of a vector.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "lib/core/matrix_shape.hpp"

namespace attnspec {

/// What the loading pass has seen of a matrix P.
struct Sight {
  double squares = 0;       ///< |P|_F^2; not finite where an entry is not, or where it overflows
  double mean_squares = 0;  ///< |P'u|^2, u the direction (1, ..., 1): how much of |P|_F^2 is in the mean row
};

/// Where the entries of a matrix are, row-major: as doubles, or as IEEE halves; nowhere: it is seen as zeros.
struct EntriesAt {
  const double* doubles = nullptr;
  const std::uint16_t* halves = nullptr;
};

/// Asked once for each matrix: nothing where it will do (sigma_1 between 2^-10 and 2^40, so that what is dropped near
/// the end of single precision is nothing); else the entries to take instead, valid until the next call, or null for
/// zeros.
using Instead = std::function<std::optional<const double*>(std::size_t m, const Sight& seen)>;

class Direct32 {
 public:
  virtual ~Direct32() = default;

  /// Matrices not taller than wide, of the shape that this was made for, all as doubles or all as halves.
  /// values[m * rows + i], falling. Bit m of the answer: matrix m did not converge.
  virtual std::uint64_t run(std::span<const EntriesAt> matrices, const Instead& instead, double* values) = 0;
};

/// Matrices that are worked on at once; no more go into a call of run().
std::size_t matrices_at_once(MatrixShape shape);
/// As many as keep all lanes busy, whatever the shape.
constexpr std::size_t lanes_full = 16;

/// The instruction sets that it is compiled for.
enum class VectorSet { avx512, avx2, portable };

/// The widest that this processor has, or the one that ATTNSPEC_VECTORS (avx512, avx2, portable) asks for.
VectorSet vector_set();

/// Matrices of a call that are to be taken for not converged, bit m for matrix m: ATTNSPEC_NOT_CONVERGED, for tests.
std::uint64_t planted_failures();

/// `shape` is not taller than wide.
std::unique_ptr<Direct32> make_direct32(VectorSet set, MatrixShape shape);

}  // namespace attnspec
