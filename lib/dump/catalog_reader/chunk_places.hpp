// Where each chunk of a dataset lies, asked of HDF5 one by one.
#pragma once

#include <hdf5.h>

#include <string>
#include <vector>

#include "lib/dump/catalog.hpp"

namespace attnspec {

/// Chunks that a dataset may be cut into.
inline constexpr std::size_t most_chunks = std::size_t{1} << 21;

/// Fills `entry.chunks`, row-major over the grid, from its shape and chunk; or its refusal, where there are too many or
/// HDF5 can not tell.
void take_chunk_places(hid_t dataset, CatalogEntry& entry);

}  // namespace attnspec
