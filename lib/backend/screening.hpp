// What every solver asks of a matrix first: are its entries finite, and how large?
#pragma once

#include <span>

#include "lib/core/export.hpp"
#include "lib/core/matrix_batch.hpp"

namespace attnspec {

struct Screening {
  double largest = 0;  ///< |entry|
  bool finite = true;
};
ATTNSPEC_API Screening screen(std::span<const double> matrix);

struct Look {
  Screening seen;
  double scale = 1, squares = 0;  ///< scale_of, and sum x^2 of entries divided by it
};
/// Matrix b of a batch, of either numbers; halves are widened by and by, so that they stay in a core's cache.
ATTNSPEC_API Look look_at(const MatrixBatch& batch, std::size_t b);

/// A power of two by which entries are divided, so that their squares neither overflow nor vanish; usually 1.
ATTNSPEC_API double scale_of(double largest);

/// out = matrix / scale, exactly.
ATTNSPEC_API void copy_scaled(std::span<const double> matrix, double scale, double* out);

}  // namespace attnspec
