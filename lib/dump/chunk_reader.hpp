// Values of a dataset: raw bytes from HDF5, widened to double here (HDF5's own conversion of float16 is slow).
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "lib/core/export.hpp"
#include "lib/dump/layout.hpp"

namespace attnspec {

/// Widens stored numbers; `bytes` holds out.size() of them. Exact for every type.
ATTNSPEC_API void decode(StoredType type, bool big_endian, std::span<const std::byte> bytes, std::span<double> out);

/// An HDF5 file open for reading. Its functions may be called from any thread, one at a time.
class ChunkReader final : public IntegerReader {
 public:
  explicit ChunkReader(std::string file);
  ~ChunkReader() override;

  std::vector<long long> integers(const std::string& dataset) override;

  /// The part [row, row + rows) x [col, col + cols) of the tiles of `heads` heads from `head` on, one after the other.
  /// A source without a sample, layer or head axis gives the same tile for every one.
  struct Window {
    std::size_t sample = 0, layer = 0, head = 0, heads = 1;
    std::size_t row = 0, rows = 0, col = 0, cols = 0;

    bool operator==(const Window&) const = default;
  };
  void read(const TileSource& source, const Window& window, std::span<double> out);

 private:
  struct Open;
  std::string file_;
  std::unique_ptr<Open> open_;
  std::vector<std::byte> raw_;
};

}  // namespace attnspec
