// How a number of a dump is stored.
#pragma once

#include <cstddef>
#include <string_view>

#include "lib/core/export.hpp"

namespace attnspec {

/// How numbers are stored. `other` is everything that attention is never stored as.
enum class StoredType { float16, bfloat16, float32, float64, integer, other };

ATTNSPEC_API std::string_view name_of(StoredType type);

/// Bytes of one number; 0 for integer and other.
ATTNSPEC_API std::size_t bytes_of(StoredType type);

/// The unit roundoff u: storing x moves it by at most u |x| (and 2^-25 near zero in float16). 0 for other types.
ATTNSPEC_API double unit_roundoff(StoredType type);

/// How far a row of attention may sum from one after storage: four times what was measured on real models (float32: as
/// a float32 softmax gives it). Beyond this a reader is warned.
ATTNSPEC_API double row_sum_tolerance(StoredType type);

}  // namespace attnspec
