// Boxes of a tensor laid over a tile: contiguous datasets are one box, chunked ones a grid of them.
#include "lib/dump/chunk_reader.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <stdexcept>

#include "lib/core/thread_time.hpp"
#include "lib/dump/decode.hpp"
#include "lib/dump/filters.hpp"

namespace attnspec {

/// A box of a tensor: on every axis where it begins and how far it goes.
struct TensorBox {
  std::vector<std::size_t> start, count;

  std::size_t axes() const { return start.size(); }
  std::size_t end(std::size_t axis) const { return start[axis] + count[axis]; }
};

struct ChunkReader::Kept {
  std::mutex mutex;  ///< held while the bytes are being unpacked
  bool ready = false;
  std::vector<std::byte> bytes;
  std::list<ChunkReader::Key>::iterator place;  ///< among the last used ones
};

namespace {

struct DamagedBytes : std::runtime_error {
  using std::runtime_error::runtime_error;
};

constexpr std::size_t read_step = std::size_t{1} << 18;  // stays in the second cache level while it is widened

/// Where `tile` and `box` meet on the last two axes, and where that part begins in the box.
struct Meeting {
  std::size_t first_row, last_row, first_col, last_col;  ///< in the tensor
  std::size_t box_start;                                 ///< numbers of the box before its 2-D slab of this tile
  std::size_t box_cols;
};

Meeting meeting_of(const TensorBox& tile, const TensorBox& box) {
  const std::size_t rows = tile.axes() - 2, cols = tile.axes() - 1;
  Meeting meeting{std::max(tile.start[rows], box.start[rows]),
                  std::min(tile.end(rows), box.end(rows)),
                  std::max(tile.start[cols], box.start[cols]),
                  std::min(tile.end(cols), box.end(cols)),
                  0,
                  box.count[cols]};
  for (std::size_t a = 0; a < rows; ++a)
    meeting.box_start = meeting.box_start * box.count[a] + tile.start[a] - box.start[a];
  meeting.box_start *= box.count[rows] * box.count[cols];
  return meeting;
}

/// What stands for numbers that are not there.
template <class Number>
constexpr Number nothing = std::numeric_limits<Number>::quiet_NaN();
template <>
constexpr std::uint16_t nothing<std::uint16_t> = 0x7e00;

void take(const Encoding& encoding, std::span<const std::byte> bytes, std::span<double> out) {
  decode(encoding, bytes, out);
}
/// Halves as they are, but for the order of their bytes.
void take(const Encoding& encoding, std::span<const std::byte> bytes, std::span<std::uint16_t> out) {
  std::memcpy(out.data(), bytes.data(), out.size_bytes());
  if (encoding.big_endian != (std::endian::native == std::endian::big))
    for (std::uint16_t& bits : out) bits = __builtin_bswap16(bits);
}

template <class Number>
std::span<Number> row_of(std::span<Number> out, const TensorBox& tile, const Meeting& meeting, std::size_t row) {
  const std::size_t rows = tile.axes() - 2, cols = tile.axes() - 1;
  return out.subspan((row - tile.start[rows]) * tile.count[cols] + meeting.first_col - tile.start[cols],
                     meeting.last_col - meeting.first_col);
}

template <class Number>
void copy_from_memory(const Encoding& encoding, std::span<const std::byte> bytes, const TensorBox& tile,
                      const TensorBox& box, std::span<Number> out) {
  const Meeting meeting = meeting_of(tile, box);
  const std::size_t one = bytes_of(encoding.type), row_axis = tile.axes() - 2, col_axis = tile.axes() - 1;
  for (std::size_t row = meeting.first_row; row < meeting.last_row; ++row) {
    const std::size_t at =
        meeting.box_start + (row - box.start[row_axis]) * meeting.box_cols + meeting.first_col - box.start[col_axis];
    const std::span<Number> to = row_of(out, tile, meeting, row);
    take(encoding, bytes.subspan(at * one, to.size() * one), to);
  }
}

template <class Number>
void fill(const CatalogEntry& entry, const TensorBox& tile, const TensorBox& box, std::span<Number> out) {
  Number value = 0;
  if (!entry.fill.empty()) take(entry.encoding, entry.fill, std::span(&value, 1));
  const Meeting meeting = meeting_of(tile, box);
  for (std::size_t row = meeting.first_row; row < meeting.last_row; ++row) {
    const std::span<Number> to = row_of(out, tile, meeting, row);
    std::fill(to.begin(), to.end(), value);
  }
}

/// From [cols, rows] to [rows, cols], in blocks that stay in cache.
template <class Number>
void transpose(const std::vector<Number>& from, std::size_t rows, std::size_t cols, std::span<Number> to) {
  constexpr std::size_t block = 16;
  for (std::size_t i = 0; i < rows; i += block)
    for (std::size_t j = 0; j < cols; j += block)
      for (std::size_t r = i; r < std::min(rows, i + block); ++r)
        for (std::size_t c = j; c < std::min(cols, j + block); ++c) to[r * cols + c] = from[c * rows + r];
}

}  // namespace

ChunkReader::ChunkReader(const DumpFile& file, std::size_t cache_bytes) : file_(file), cache_bytes_(cache_bytes) {}
ChunkReader::~ChunkReader() = default;

TileFacts ChunkReader::read(const TileSource& source, const TileWindow& window, std::span<double> out) {
  return read_tile(source, window, out);
}

TileFacts ChunkReader::read(const TileSource& source, const TileWindow& window, std::span<std::uint16_t> out) {
  return read_tile(source, window, out);
}

template <class Number>
TileFacts ChunkReader::read_tile(const TileSource& source, const TileWindow& window, std::span<Number> out) {
  const auto give_nothing = [&out] { std::fill(out.begin(), out.end(), nothing<Number>); };
  const CatalogEntry* entry = source.part(window.layer, window.head);
  if (entry == nullptr) {
    give_nothing();
    return {true, 0, ""};
  }
  const std::size_t axes = source.shape.size();
  TensorBox tile{std::vector<std::size_t>(axes, 0), std::vector<std::size_t>(axes, 1)};
  const auto place = [&](const std::optional<std::size_t>& axis, std::size_t at) {
    if (axis && source.shape[*axis] != 1) tile.start[*axis] = at;  // else one for all
  };
  place(source.sample_axis, window.sample);
  place(source.layer_axis, window.layer);
  place(source.head_axis, window.head);
  const std::size_t row_axis = source.transposed ? axes - 1 : axes - 2, col_axis = 2 * axes - 3 - row_axis;
  tile.start[row_axis] = window.row;
  tile.count[row_axis] = window.rows;
  tile.start[col_axis] = window.col;
  tile.count[col_axis] = window.cols;
  try {
    if (!source.transposed) return read_part(*entry, tile, out);
    std::vector<Number> turned(out.size());
    TileFacts facts = read_part(*entry, tile, std::span(turned));
    transpose(turned, window.rows, window.cols, out);
    return facts;
  } catch (const DamagedBytes& damage) {
    give_nothing();
    return {false, 0, entry->path + ": " + damage.what()};
  }
}

template <class Number>
TileFacts ChunkReader::read_part(const CatalogEntry& entry, const TensorBox& tile, std::span<Number> out) {
  TileFacts facts;
  const std::size_t axes = tile.axes();
  if (entry.chunk.empty()) {
    const TensorBox whole{std::vector<std::size_t>(axes, 0), entry.shape};
    if (!entry.inlined.empty()) {
      copy_from_memory(entry.encoding, entry.inlined, tile, whole, out);
    } else if (entry.offset == never_written) {
      fill(entry, tile, whole, out);
      facts.unwritten = 1;
    } else {
      copy_from_file(entry, entry.offset, tile, whole, out);
    }
    return facts;
  }
  // The chunks that the tile touches: one index on every axis but the last two.
  std::size_t before = 0;
  for (std::size_t a = 0; a + 2 < axes; ++a)
    before = before * chunks_along(entry.shape[a], entry.chunk[a]) + tile.start[a] / entry.chunk[a];
  const std::size_t r = axes - 2, c = axes - 1;
  const std::size_t grid_rows = chunks_along(entry.shape[r], entry.chunk[r]),
                    grid_cols = chunks_along(entry.shape[c], entry.chunk[c]);
  TensorBox chunk{std::vector<std::size_t>(axes), entry.chunk};
  for (std::size_t a = 0; a + 2 < axes; ++a) chunk.start[a] = tile.start[a] / entry.chunk[a] * entry.chunk[a];
  for (std::size_t i = tile.start[r] / entry.chunk[r]; i * entry.chunk[r] < tile.end(r); ++i)
    for (std::size_t j = tile.start[c] / entry.chunk[c]; j * entry.chunk[c] < tile.end(c); ++j) {
      chunk.start[r] = i * entry.chunk[r];
      chunk.start[c] = j * entry.chunk[c];
      read_chunk(entry, (before * grid_rows + i) * grid_cols + j, tile, chunk, out, facts);
    }
  return facts;
}

template <class Number>
void ChunkReader::read_chunk(const CatalogEntry& entry, std::size_t index, const TensorBox& tile,
                             const TensorBox& chunk, std::span<Number> out, TileFacts& facts) {
  const ChunkPlace& place = entry.chunks[index];
  if (place.offset == never_written) {
    fill(entry, tile, chunk, out);
    ++facts.unwritten;
    return;
  }
  const bool plain = std::all_of(entry.pipeline.begin(), entry.pipeline.end(),
                                 [&, f = 0](Filter) mutable { return (place.skipped_filters >> f++ & 1) != 0; });
  if (plain) return copy_from_file(entry, place.offset, tile, chunk, out);

  bool used_once = true;
  for (std::size_t a = 0; a < tile.axes(); ++a)
    used_once = used_once && std::min(chunk.end(a), entry.shape[a]) <= tile.end(a) && chunk.start[a] >= tile.start[a];
  if (used_once) {
    thread_local std::vector<std::byte> bytes;
    unpack(entry, index, bytes);
    return copy_from_memory(entry.encoding, bytes, tile, chunk, out);
  }
  const auto shared = kept({&entry, index}, entry.chunk_bytes());
  {
    const std::lock_guard lock(shared->mutex);
    if (!shared->ready) unpack(entry, index, shared->bytes);
    shared->ready = true;
  }
  copy_from_memory(entry.encoding, shared->bytes, tile, chunk, out);
}

template <class Number>
void ChunkReader::copy_from_file(const CatalogEntry& entry, std::uint64_t offset, const TensorBox& tile,
                                 const TensorBox& box, std::span<Number> out) const {
  const Meeting meeting = meeting_of(tile, box);
  const std::size_t one = bytes_of(entry.encoding.type), row_axis = tile.axes() - 2, col_axis = tile.axes() - 1;
  const std::size_t row_bytes = meeting.box_cols * one;
  // Rows that are wanted whole lie side by side, in the file and in the tile.
  const bool whole_rows =
      meeting.last_col - meeting.first_col == meeting.box_cols && meeting.box_cols == tile.count[col_axis];
  const std::size_t rows_a_step = whole_rows ? std::max<std::size_t>(1, read_step / row_bytes) : 1;
  thread_local std::vector<std::byte> bytes;
  for (std::size_t row = meeting.first_row; row < meeting.last_row; row += rows_a_step) {
    const std::size_t rows = std::min(rows_a_step, meeting.last_row - row);
    const std::size_t numbers = rows * (meeting.last_col - meeting.first_col);
    const std::size_t at =
        meeting.box_start + (row - box.start[row_axis]) * meeting.box_cols + meeting.first_col - box.start[col_axis];
    const std::span to(row_of(out, tile, meeting, row).data(), numbers);
    bytes.resize(numbers * one);
    read_bytes(offset + at * one, bytes, entry.path);
    take(entry.encoding, bytes, to);
  }
}

void ChunkReader::unpack(const CatalogEntry& entry, std::size_t index, std::vector<std::byte>& bytes) const {
  thread_local std::vector<std::byte> other;
  const ChunkPlace& place = entry.chunks[index];
  bytes.resize(place.bytes);
  read_bytes(place.offset, bytes, entry.path);
  const std::string wrong = undo_filters(entry, place.skipped_filters, bytes, other);
  if (!wrong.empty()) throw DamagedBytes("a chunk is damaged: " + wrong);
}

void ChunkReader::read_bytes(std::uint64_t offset, std::span<std::byte> out, const std::string& path) const {
  const ThreadTime time(nullptr, &waited_);
  file_.read(offset, out, path);
}

std::shared_ptr<ChunkReader::Kept> ChunkReader::kept(const Key& key, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  if (const auto found = cache_.find(key); found != cache_.end()) {
    by_use_.splice(by_use_.begin(), by_use_, found->second->place);
    return found->second;
  }
  while (!by_use_.empty() && kept_bytes_ + bytes > cache_bytes_) {
    kept_bytes_ -= by_use_.back().first->chunk_bytes();
    cache_.erase(by_use_.back());
    by_use_.pop_back();
  }
  kept_bytes_ += bytes;
  by_use_.push_front(key);
  const auto fresh = std::make_shared<Kept>();
  fresh->place = by_use_.begin();
  return cache_[key] = fresh;
}

}  // namespace attnspec
