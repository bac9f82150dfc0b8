// The numbers of one tile: bytes read where the catalog says, unpacked and widened to double, from any thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "lib/core/export.hpp"
#include "lib/dump/dump_file.hpp"
#include "lib/dump/layout.hpp"

namespace attnspec {

/// The part [row, row + rows) x [col, col + cols) of one tile of a source. A source without a sample, layer or head
/// axis gives the same tile for every one.
struct TileWindow {
  std::size_t sample = 0, layer = 0, head = 0;
  std::size_t row = 0, rows = 0, col = 0, cols = 0;

  bool operator==(const TileWindow&) const = default;
};

/// What reading a tile met.
struct TileFacts {
  bool missing = false;       ///< the file has no dataset for this tile; it is NaN
  std::size_t unwritten = 0;  ///< pieces that were never written; they are the dataset's fill value
  std::string damage;         ///< what is wrong with its bytes, in words; it is NaN then
};

struct TensorBox;

class ChunkReader {
 public:
  /// Unpacked chunks that hold more than one tile are kept, up to `cache_bytes` of them or one.
  explicit ChunkReader(const DumpFile& file, std::size_t cache_bytes = std::size_t{64} << 20);
  ~ChunkReader();

  /// Fills `out`, row-major. Throws Error(input) where the disk can not be read.
  TileFacts read(const TileSource& source, const TileWindow& window, std::span<double> out);
  /// The same as halves, of a source that stores them, in either order of bytes or transposed or not.
  TileFacts read(const TileSource& source, const TileWindow& window, std::span<std::uint16_t> out);

  /// How long threads have waited for the file so far, in seconds, all of them together.
  double seconds_waited() const { return waited_; }

 private:
  struct Kept;
  using Key = std::pair<const CatalogEntry*, std::size_t>;

  template <class Number>
  TileFacts read_tile(const TileSource& source, const TileWindow& window, std::span<Number> out);
  template <class Number>
  TileFacts read_part(const CatalogEntry& entry, const TensorBox& tile, std::span<Number> out);
  template <class Number>
  void read_chunk(const CatalogEntry& entry, std::size_t index, const TensorBox& tile, const TensorBox& chunk,
                  std::span<Number> out, TileFacts& facts);
  template <class Number>
  void copy_from_file(const CatalogEntry& entry, std::uint64_t offset, const TensorBox& tile, const TensorBox& box,
                      std::span<Number> out) const;
  void unpack(const CatalogEntry& entry, std::size_t index, std::vector<std::byte>& bytes) const;
  void read_bytes(std::uint64_t offset, std::span<std::byte> out, const std::string& path) const;
  std::shared_ptr<Kept> kept(const Key& key, std::size_t bytes);

  const DumpFile& file_;
  mutable std::atomic<double> waited_ = 0;
  std::size_t cache_bytes_, kept_bytes_ = 0;
  std::mutex mutex_;
  std::map<Key, std::shared_ptr<Kept>> cache_;
  std::list<Key> by_use_;  ///< the last used first
};

}  // namespace attnspec
