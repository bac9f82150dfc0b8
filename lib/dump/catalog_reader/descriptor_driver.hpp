// HDF5 on a file that is open already: it opens nothing itself, and tells where raw bytes lie instead of reading them.
#pragma once

#include <hdf5.h>

#include <cstdint>
#include <optional>

namespace attnspec {

/// Opens the HDF5 file that is open under `descriptor`; negative where it is none, with HDF5's reason on its stack.
hid_t open_descriptor(int descriptor);

/// While one lives, HDF5's reads of raw data give nothing and leave their place here.
class PlaceRecorder {
 public:
  PlaceRecorder();
  ~PlaceRecorder();
  PlaceRecorder(const PlaceRecorder&) = delete;
  PlaceRecorder& operator=(const PlaceRecorder&) = delete;

  struct Place {
    std::uint64_t offset = 0, bytes = 0;
  };
  /// The last one, which is forgotten.
  std::optional<Place> take();
};

}  // namespace attnspec
