// Stored numbers become doubles.
#pragma once

#include <cstddef>
#include <span>

#include "lib/core/export.hpp"
#include "lib/dump/stored_type.hpp"

namespace attnspec {

/// Widens stored numbers; `bytes` holds out.size() of them. Exact for every floating type; uint8 is times its unit.
ATTNSPEC_API void decode(const Encoding& encoding, std::span<const std::byte> bytes, std::span<double> out);

}  // namespace attnspec
