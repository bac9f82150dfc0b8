// Walking an HDF5 file's groups: everything that a catalog holds, from HDF5's own mouth.
#pragma once

#include <hdf5.h>

#include "lib/dump/catalog.hpp"

namespace attnspec {

/// Fills `catalog`, whose file's name stands in messages, from an open file. Throws Error(input) and Error(limit).
void walk(hid_t file, Catalog& catalog);

}  // namespace attnspec
