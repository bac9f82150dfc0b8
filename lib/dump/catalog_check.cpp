// Arithmetic on what nobody has to believe.
#include "lib/dump/catalog_check.hpp"

#include <algorithm>
#include <optional>

namespace attnspec {
namespace {

constexpr std::size_t most_axes = 8, most_filters = 32, largest_chunk = std::size_t{1} << 30;
const char* const remedy = "; the file is damaged. Copy or dump it again";

std::optional<std::uint64_t> product(const std::vector<std::size_t>& sides, std::uint64_t bytes) {
  for (const std::size_t side : sides)
    if (__builtin_mul_overflow(bytes, side, &bytes)) return std::nullopt;
  return bytes;
}

bool inside(std::uint64_t offset, std::uint64_t bytes, std::uint64_t file_bytes) {
  return offset <= file_bytes && bytes <= file_bytes - offset;
}

std::string check_chunks(const CatalogEntry& entry, std::uint64_t file_bytes) {
  if (entry.chunk.size() != entry.shape.size() || std::count(entry.chunk.begin(), entry.chunk.end(), 0U) != 0)
    return std::string("has chunks of another rank than its own") + remedy;
  if (entry.chunk_bytes() > largest_chunk)
    return "is stored in chunks " + shape_text(entry.chunk) +
           " of more than 1 GiB, which are not read. Re-save it in " +
           "smaller ones: h5repack -l CHUNK=" + "1x..., or chunks=(1, 1, 1, n, n) in h5py";
  if (entry.pipeline.size() > most_filters) return std::string("has more filters than HDF5 allows") + remedy;
  std::uint64_t cells = 1;
  bool countable = true;
  for (std::size_t a = 0; a < entry.shape.size(); ++a)
    countable = countable && !__builtin_mul_overflow(cells, chunks_along(entry.shape[a], entry.chunk[a]), &cells);
  if (!countable || cells != entry.chunks.size())
    return std::string("has another number of chunks than its shape asks for") + remedy;
  for (const ChunkPlace& place : entry.chunks) {
    if (place.offset == never_written) continue;
    if (!inside(place.offset, place.bytes, file_bytes))
      return std::string("has a chunk that reaches beyond the end of the file") + remedy;
    // A filter that makes more of a chunk than this is left out for it; checksums add four bytes.
    if (place.bytes > entry.chunk_bytes() + entry.chunk_bytes() / 8 + 4096)
      return "has a chunk of " + std::to_string(place.bytes) + " bytes, expected at most about " +
             std::to_string(entry.chunk_bytes()) + remedy;
    bool plain = true;
    for (std::size_t f = 0; f < entry.pipeline.size(); ++f) plain = plain && (place.skipped_filters >> f & 1) != 0;
    if (plain && place.bytes != entry.chunk_bytes())
      return "has a chunk of " + std::to_string(place.bytes) + " bytes, expected " +
             std::to_string(entry.chunk_bytes()) + remedy;
  }
  return "";
}

std::string check(const CatalogEntry& entry, std::uint64_t file_bytes) {
  if (entry.shape.size() > most_axes)
    return "has " + std::to_string(entry.shape.size()) + " axes, more than any attention";
  const std::size_t one = bytes_of(entry.encoding.type);
  if (one == 0) return "";  // no numbers that are read from places
  if (!entry.fill.empty() && entry.fill.size() != one) return std::string("has no proper fill value") + remedy;
  const auto total = product(entry.shape, one);
  if (!total) return "declares more bytes than any disk holds" + std::string(remedy);
  if (!entry.chunk.empty()) return check_chunks(entry, file_bytes);
  if (!entry.inlined.empty())
    return entry.inlined.size() == *total ? ""
                                          : std::string("holds another number of bytes than its shape says") + remedy;
  if (entry.offset != never_written && !inside(entry.offset, *total, file_bytes))
    return std::string("reaches beyond the end of the file") + remedy;
  return "";
}

}  // namespace

void check_catalog(Catalog& catalog) {
  for (CatalogEntry& entry : catalog.datasets)
    if (entry.refusal.empty()) entry.refusal = check(entry, catalog.file_bytes);
}

}  // namespace attnspec
