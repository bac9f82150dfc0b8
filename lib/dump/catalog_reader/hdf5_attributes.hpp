// The attributes of one HDF5 object as plain values. Not installed: hdf5.h stops here.
#pragma once

#include <hdf5.h>

#include <map>
#include <string>

#include "lib/dump/catalog.hpp"

namespace attnspec {

/// Attributes that can not be read, or hold more than 65,536 values, are left out. Hold hdf5_lock().
std::map<std::string, AttributeValue> attributes_of(hid_t object);

}  // namespace attnspec
