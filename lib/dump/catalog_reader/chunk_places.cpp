// HDF5 1.10 lists chunks in quadratic time, but looks one up in logarithmic: so every chunk is looked up, by a read
// that reads nothing.
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
    if (__builtin_mul_overflow(cells, chunks_along(entry.shape[a], entry.chunk[a]), &cells)) return most_chunks + 1;
  return cells;
}

void step(std::array<hsize_t, most_axes>& corner, const CatalogEntry& entry) {
  for (std::size_t a = entry.shape.size(); a-- > 0;) {
    corner[a] += entry.chunk[a];
    if (corner[a] < entry.shape[a]) return;
    corner[a] = 0;
  }
}

void lost(CatalogEntry& entry) {
  entry.refusal = "has a chunk that can not be found (HDF5: " + hdf5_reason() + "). Copy or dump it again";
}

/// HDF5 calls it an error where a chunk was never written and others were.
bool is_written(hid_t dataset, const hsize_t* corner, CatalogEntry& entry) {
  hsize_t bytes = 0;
  if (H5Dget_chunk_storage_size(dataset, corner, &bytes) >= 0) return bytes > 0;
  if (hdf5_reason().find("not allocated") == std::string::npos) lost(entry);
  return false;
}

}  // namespace

void take_chunk_places(hid_t dataset, CatalogEntry& entry) {
  const std::size_t cells = cells_of(entry);
  if (cells > most_chunks) {
    entry.refusal = "is cut into more than " + std::to_string(most_chunks) + " chunks " + shape_text(entry.chunk) +
                    ", more than any dump needs. Re-save it in larger ones with " + "h5repack, or is the file damaged?";
    return;
  }
  entry.chunks.resize(cells);
  std::array<hsize_t, most_axes> corner{};
  PlaceRecorder recorder;
  std::byte unused{};
  for (ChunkPlace& place : entry.chunks) {
    if (is_written(dataset, corner.data(), entry)) {
      std::uint32_t skipped_filters = 0;
      if (H5Dread_chunk(dataset, H5P_DEFAULT, corner.data(), &skipped_filters, &unused) < 0) lost(entry);
      if (const auto found = recorder.take()) place = {found->offset, found->bytes, skipped_filters};
    }
    if (!entry.refusal.empty()) return;
    step(corner, entry);
  }
}

}  // namespace attnspec
