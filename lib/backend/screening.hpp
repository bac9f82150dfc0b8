// What every solver asks of a matrix first: are its entries finite, and how large?
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "lib/core/export.hpp"

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
ATTNSPEC_API Look look_at(std::span<const double> matrix);
/// Of halves on their way to `to`, where a device will read them and no core: they are written past the caches. They
/// are widened by and by, so that they stay in a core's own.
ATTNSPEC_API Look look_at(std::span<const std::uint16_t> halves, std::uint16_t* to);

/// A power of two by which entries are divided, so that their squares neither overflow nor vanish; usually 1.
ATTNSPEC_API double scale_of(double largest);

/// out = matrix / scale, exactly.
ATTNSPEC_API void copy_scaled(std::span<const double> matrix, double scale, double* out);

}  // namespace attnspec
