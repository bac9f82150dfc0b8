// Singular values from the Gram matrix, in double precision throughout: its half (P'P), to band, to tridiagonal, to
// values. The first two stages take a matrix at a time, the others many in the lanes of a vector.
#pragma once

#include <memory>
#include <span>

#include "lib/backend/lanes/direct32.hpp"
#include "lib/core/matrix_shape.hpp"

namespace attnspec {

/// What became of a matrix P.
struct GramOutcome {
  double squares = 0;     ///< |P|_F^2, added up from the entries; not finite where an entry is not
  bool in_reach = false;  ///< neither zero nor so small or large that squares would vanish or overflow; else no values
  bool converged = false;
};

class GramLanes {
 public:
  virtual ~GramLanes() = default;

  /// At most matrices_at_once of the shape that this was made for, an outcome for each.
  /// values[m * smaller side + i], falling.
  virtual void run(std::span<const EntriesAt> matrices, std::span<GramOutcome> outcomes, double* values) = 0;
};

std::unique_ptr<GramLanes> make_gram_lanes(VectorSet set, MatrixShape shape);

}  // namespace attnspec
