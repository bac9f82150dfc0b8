// How a number of a dump is stored.
#pragma once

#include <cstddef>
#include <string_view>

#include "lib/core/export.hpp"

namespace attnspec {

/// How numbers are stored. `uint8` is in steps of a dataset's attribute `scale`; `integer` is every other whole number;
/// `other` is everything that attention is never stored as.
enum class StoredType { float16, bfloat16, float32, float64, uint8, integer, other };

ATTNSPEC_API std::string_view name_of(StoredType type);

/// Bytes of one number; 0 for integer and other.
ATTNSPEC_API std::size_t bytes_of(StoredType type);

/// How a dataset's numbers become doubles.
struct Encoding {
  StoredType type = StoredType::other;
  bool big_endian = false;
  double unit = 1;  ///< of uint8: what one step is worth

  bool operator==(const Encoding&) const = default;
};

/// The unit roundoff u: storing x moves it by at most u |x| (and 2^-25 near zero in float16). 0 for other types.
ATTNSPEC_API double unit_roundoff(StoredType type);

/// How far a row of attention of `cols` entries may sum from one after storage: four times what was measured on real
/// models (float32: as a float32 softmax gives it). Beyond this a reader is warned. Steps of uint8 are as wide as many
/// an entry, so there it is the bound, half a step an entry.
ATTNSPEC_API double row_sum_tolerance(const Encoding& encoding, std::size_t cols);

}  // namespace attnspec
