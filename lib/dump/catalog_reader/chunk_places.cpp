// HDF5 1.10 lists chunks in quadratic time, but looks one up in logarithmic: so every chunk is looked up, by a read that
// reads nothing.
#include "lib/dump/catalog_reader/chunk_places.hpp"

#include <array>

#include "lib/dump/catalog_reader/descriptor_driver.hpp"
#include "lib/dump/hdf5_handle.hpp"

namespace attnspec {
namespace {

constexpr std::size_t most_axes = 8;

/// The number of chunks; more than most_chunks where it overflows.
std::size_t cells_of(const CatalogEntry& entry) {
  std::size_t cells = 1;
  for (std::size_t a = 0; a < entry.shape.size(); ++a)
    if (__builtin_mul_overflow(cells, (entry.shape[a] + entry.chunk[a] - 1) / entry.chunk[a], &cells))
      return most_chunks + 1;
  return cells;
}

void step(std::array<hsize_t, most_axes>& corner, const CatalogEntry& entry) {
  for (std::size_t a = entry.shape.size(); a-- > 0;) {
    corner[a] += entry.chunk[a];
    if (corner[a] < entry.shape[a]) return;
    corner[a] = 0;
  }
}

}  // namespace

void take_chunk_places(hid_t dataset, const std::string& where, CatalogEntry& entry) {
  const std::size_t cells = cells_of(entry);
  if (cells > most_chunks) {
    entry.refusal = "is cut into more than " + std::to_string(most_chunks) +
                    " chunks " + shape_text(entry.chunk) + ", more than any dump needs. Re-save it in larger ones with " +
                    "h5repack, or is the file damaged?";
    return;
  }
  entry.chunks.resize(cells);
  std::array<hsize_t, most_axes> corner{};
  PlaceRecorder recorder;
  std::byte unused{};
  for (ChunkPlace& place : entry.chunks) {
    hsize_t bytes = 0;
    check_read(H5Dget_chunk_storage_size(dataset, corner.data(), &bytes), where, "a chunk can not be found");
    if (bytes > 0) {
      check_read(H5Dread_chunk(dataset, H5P_DEFAULT, corner.data(), &place.skipped_filters, &unused), where,
                 "a chunk can not be found");
      if (const auto found = recorder.take()) place = {found->offset, found->bytes, place.skipped_filters};
    }
    step(corner, entry);
  }
}

}  // namespace attnspec
