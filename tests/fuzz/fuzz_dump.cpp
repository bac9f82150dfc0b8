// What this process does with a table of contents that nobody has to believe, and with the bytes that it points to.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "lib/core/error.hpp"
#include "lib/dump/catalog.hpp"
#include "lib/dump/catalog_check.hpp"
#include "lib/dump/catalog_wire.hpp"
#include "lib/dump/chunk_reader.hpp"
#include "lib/dump/decode.hpp"
#include "lib/dump/dump_file.hpp"
#include "lib/dump/filters.hpp"
#include "lib/dump/layout.hpp"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

namespace attnspec {
namespace {

using Bytes = std::vector<std::byte>;

/// An input: a door, a table behind its length, and then the bytes of the file. The doors after those of `options` lead
/// to the filters and to the decoder, with what follows as their input.
constexpr std::size_t table_start = 1 + sizeof(std::uint32_t);

const std::array<LayoutOptions, 6> options{{
    {"", "", "", ""},
    {"", "SLHQK", "logits", ""},
    {"attention", "LSHKQ", "", "causal"},
    {"layer_{L}/batch_{S}/head_{H}", "QK", "", ""},
    {"blocks.{L}.attn.hook_pattern", "SHKQ", "", "sliding:3"},
    {"{S}", "LHQK", "", "cross"},
}};
constexpr std::size_t filter_door = options.size(), decode_door = filter_door + 1, doors = decode_door + 1;

constexpr std::size_t most_chunk_bytes = std::size_t{1} << 20, most_side = 40;

/// A file in memory that begins as HDF5 files do.
class MemoryFile {
 public:
  MemoryFile() : descriptor_(memfd_create("dump", MFD_CLOEXEC)) {
    if (descriptor_ < 0) std::abort();
  }
  std::string holding(std::span<const std::byte> content) const {
    constexpr std::array<unsigned char, 12> head{0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n', 0, 0, 0, 0};
    const auto bytes = static_cast<off_t>(std::max(content.size(), head.size()));
    if (ftruncate(descriptor_, 0) != 0 || ftruncate(descriptor_, bytes) != 0 ||
        pwrite(descriptor_, content.data(), content.size(), 0) < 0 ||
        pwrite(descriptor_, head.data(), head.size(), 0) < 0)
      std::abort();
    return "/proc/self/fd/" + std::to_string(descriptor_);
  }

 private:
  int descriptor_;
};

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

/// The first and the last.
std::vector<std::size_t> ends_of(std::size_t count) {
  return count > 1 ? std::vector<std::size_t>{0, count - 1} : std::vector<std::size_t>{0};
}

struct Piece {
  std::size_t start, count;
};

/// The whole of a short axis; of a long one both its ends.
std::vector<Piece> pieces_of(std::size_t length) {
  if (length <= most_side) return {{0, length}};
  return {{0, most_side}, {length - most_side, most_side}, {length / 2, most_side / 2}};
}

void read_tiles(ChunkReader& reader, const TileSource& source) {
  if (source.chunk_bytes() > most_chunk_bytes) return;
  std::vector<double> tile;
  for (const std::size_t sample : ends_of(source.samples()))
    for (const std::size_t layer : ends_of(source.layers()))
      for (const std::size_t head : ends_of(source.heads()))
        for (const Piece& rows : pieces_of(source.rows()))
          for (const Piece& cols : pieces_of(source.cols())) {
            tile.assign(rows.count * cols.count, 0.0);
            reader.read(source, {sample, layer, head, rows.start, rows.count, cols.start, cols.count}, tile);
          }
}

void look_at_every_sample(const DumpLayout& layout) {
  if (layout.places.size() != layout.info.samples || layout.info.rules.size() != layout.info.layers)
    fail("the layout contradicts itself");
  for (const SamplePlace& place : layout.places)
    if (place.group >= layout.groups.size()) fail("a sample lies in no group");
  for (std::size_t s = 0; s < layout.info.samples; ++s) {
    const SampleSources& sources = layout.groups[layout.places[s].group];
    const bool stored = layout.info.source == MatrixSource::stored;
    const std::size_t rows = stored ? sources.attention->rows() : sources.query->rows();
    const std::size_t cols = stored ? sources.attention->cols() : sources.key->rows();
    const MatrixShape shape = layout.info.shape_of(s);
    if (layout.info.offsets[s] + shape.rows > rows || shape.cols > cols) fail("a matrix leaves its tile");
  }
}

void enter_by_table(std::size_t door, std::span<const std::byte> input) {
  static const MemoryFile memory;
  std::uint32_t length = 0;
  if (input.size() < sizeof length) return;
  std::memcpy(&length, input.data(), sizeof length);
  input = input.subspan(sizeof length);
  const std::span<const std::byte> table = input.first(std::min<std::size_t>(length, input.size()));
  try {
    const DumpFile file(memory.holding(input.subspan(table.size())));
    Catalog catalog;
    catalog.file = "a.h5";
    catalog.file_bytes = file.bytes();
    take_wire(std::string_view(reinterpret_cast<const char*>(table.data()), table.size()), catalog);
    check_catalog(catalog);
    const DumpLayout layout = find_layout(catalog, options[door]);
    look_at_every_sample(layout);
    ChunkReader reader(file, 4096);
    for (const std::size_t g : ends_of(layout.groups.size())) {
      const SampleSources& sources = layout.groups[g];
      for (const auto* source : {&sources.attention, &sources.query, &sources.key, &sources.value, &sources.bias})
        if (source->has_value()) read_tiles(reader, **source);
    }
  } catch (const Error&) {  // a refusal; whatever else is thrown is a finding
  }
}

Encoding encoding_of(std::byte byte) {
  const auto bits = std::to_integer<unsigned>(byte);
  return {static_cast<StoredType>(bits % 5), (bits & 0x80) != 0, 1.0 / 255};
}

/// Two bytes of chunk length, four of filters left out, type, number of filters, filters, and what lies in the file.
void enter_by_filters(std::span<const std::byte> input) {
  constexpr std::size_t head = 8;
  if (input.size() < head) return;
  CatalogEntry entry;
  std::uint16_t numbers = 0;
  std::uint32_t skipped = 0;
  std::memcpy(&numbers, input.data(), sizeof numbers);
  std::memcpy(&skipped, input.data() + 2, sizeof skipped);
  entry.chunk = {numbers};
  entry.encoding = encoding_of(input[6]);
  const std::size_t filters = std::min<std::size_t>(std::to_integer<std::size_t>(input[7]) % 33, input.size() - head);
  for (std::size_t f = 0; f < filters; ++f)
    entry.pipeline.push_back(static_cast<Filter>(std::to_integer<unsigned>(input[head + f]) % 4));
  const auto rest = input.subspan(head + filters);
  Bytes stored(rest.begin(), rest.end()), other;
  if (!undo_filters(entry, skipped, stored, other).empty()) return;
  if (stored.size() != entry.chunk_bytes()) fail("a chunk without fault has another size");
  std::vector<double> values(numbers);
  if (numbers > 0) decode(entry.encoding, stored, values);
}

void enter_by_decoder(std::span<const std::byte> input) {
  if (input.empty()) return;
  const Encoding encoding = encoding_of(input[0]);
  input = input.subspan(1);
  // Copied, so that the sanitizer sees the end.
  const Bytes bytes(input.begin(), input.end() - static_cast<std::ptrdiff_t>(input.size() % bytes_of(encoding.type)));
  std::vector<double> values(bytes.size() / bytes_of(encoding.type));
  if (!values.empty()) decode(encoding, bytes, values);  // a tile has a number
}

void enter(std::span<const std::byte> input) {
  if (input.empty()) return;
  const std::size_t door = std::to_integer<std::size_t>(input[0]) % doors;
  if (door < options.size()) return enter_by_table(door, input.subspan(1));
  if (door == filter_door) return enter_by_filters(input.subspan(1));
  enter_by_decoder(input.subspan(1));
}

/// Changes a table by what it says; without this few inputs would still be tables.
class TableChange {
 public:
  explicit TableChange(unsigned seed) : random_(seed) {}

  void operator()(Catalog& catalog, std::size_t file_bytes) {
    if (catalog.datasets.empty()) return;
    CatalogEntry& entry = catalog.datasets[below(catalog.datasets.size())];
    switch (below(12)) {
      case 0: return list(entry.shape);
      case 1: return list(entry.chunk);
      case 2: entry.encoding.type = static_cast<StoredType>(below(7)); return;
      case 3: entry.encoding.big_endian = !entry.encoding.big_endian; return;
      case 4: return pipeline(entry.pipeline);
      case 5: entry.offset = below(3) == 0 ? number() : below(file_bytes + 1); return;
      case 6: return places(entry, file_bytes);
      case 7: entry.inlined.resize(below(2) == 0 ? below(5000) : numbers_of(entry)); return;
      case 8: return attribute(catalog.attributes);
      case 9: entry.path = catalog.datasets[below(catalog.datasets.size())].path; return;
      case 10: catalog.datasets.push_back(CatalogEntry(entry)); return;
      default: entry.chunks.resize(below(2) == 0 ? below(64) : cells_of(entry)); return;
    }
  }

 private:
  std::size_t below(std::size_t end) { return end == 0 ? 0 : random_() % end; }
  std::size_t number() {
    constexpr std::array<std::uint64_t, 12> edges{0,  1,        2,          3,          8,          40,
                                                  41, 1U << 16, 1ULL << 31, 1ULL << 32, 1ULL << 63, UINT64_MAX};
    return below(3) == 0 ? edges[below(edges.size())] : below(50);
  }
  void list(std::vector<std::size_t>& values) {
    if (below(4) == 0) values.resize(below(7), number());
    if (!values.empty()) values[below(values.size())] = number();
  }
  void pipeline(std::vector<Filter>& filters) {
    filters.resize(below(8) == 0 ? below(40) : below(4));
    for (Filter& filter : filters) filter = static_cast<Filter>(below(4));
  }
  static std::size_t numbers_of(const CatalogEntry& entry) {
    std::size_t numbers = bytes_of(entry.encoding.type);
    for (const std::size_t side : entry.shape) numbers *= side;
    return std::min<std::size_t>(numbers, 100'000);
  }
  static std::size_t cells_of(const CatalogEntry& entry) {
    std::size_t cells = 1;
    for (std::size_t a = 0; a < std::min(entry.shape.size(), entry.chunk.size()); ++a)
      cells *= entry.chunk[a] == 0 ? 1 : (entry.shape[a] + entry.chunk[a] - 1) / entry.chunk[a];
    return std::min<std::size_t>(cells, 1000);
  }
  void places(CatalogEntry& entry, std::size_t file_bytes) {
    if (entry.chunks.empty()) return;
    ChunkPlace& place = entry.chunks[below(entry.chunks.size())];
    place.offset = below(4) == 0 ? number() : below(file_bytes + 1);
    place.bytes = below(3) == 0   ? number()
                  : below(2) == 0 ? entry.chunk_bytes()
                                  : below(file_bytes - std::min<std::size_t>(place.offset, file_bytes) + 1);
    place.skipped_filters = static_cast<std::uint32_t>(below(2) == 0 ? below(16) : random_());
  }
  void attribute(Attributes& attributes) {
    constexpr std::array<const char*, 17> names{
        "schema",   "stage",     "mask_kind",  "row_sum",  "scale",    "softcap",     "layers",
        "n_layers", "n_heads",   "n_kv_heads", "head_dim", "complete", "qk_residual", "qk_gives_attention",
        "model_id", "num_heads", "stack"};
    constexpr std::array<const char*, 9> words{"attnspec-1", "probs", "logits",      "causal",  "cross",
                                               "sliding:3",  "one",   "at_most_one", "\xff\x1b"};
    constexpr std::array<double, 10> values{0, 1, 2, 3, -1, 0.5, 1e9, 1e300, -1e-300, __builtin_nan("")};
    const std::string name = names[below(names.size())];
    if (below(5) == 0)
      attributes.erase(name);
    else if (below(3) == 0)
      attributes[name] = std::vector<std::string>(1 + below(3), words[below(words.size())]);
    else
      attributes[name] = std::vector<double>(1 + below(3), values[below(values.size())]);
  }

  std::minstd_rand random_;
};

/// A table taken apart, changed and put together again; 0 where the input is none.
std::size_t change_table(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
  if (size < table_start || data[0] % doors >= options.size()) return 0;
  std::uint32_t length = 0;
  std::memcpy(&length, data + 1, sizeof length);
  if (length > size - table_start) return 0;
  Catalog catalog;
  try {
    take_wire(std::string_view(reinterpret_cast<const char*>(data) + table_start, length), catalog);
  } catch (const Error&) {
    return 0;
  }
  const std::vector<std::uint8_t> content(data + table_start + length, data + size);
  TableChange change(seed);
  for (unsigned times = 1 + seed % 3; times > 0; --times) change(catalog, content.size());
  const std::string table = wire_of(catalog);
  if (table_start + table.size() + content.size() > most) return 0;
  length = static_cast<std::uint32_t>(table.size());
  std::memcpy(data + 1, &length, sizeof length);
  std::memcpy(data + table_start, table.data(), table.size());
  std::copy(content.begin(), content.end(), data + table_start + table.size());
  return table_start + table.size() + content.size();
}

}  // namespace
}  // namespace attnspec

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  attnspec::enter(std::as_bytes(std::span(data, size)));
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
  if (seed % 4 != 0)
    if (const std::size_t changed = attnspec::change_table(data, size, most, seed / 4)) return changed;
  return LLVMFuzzerMutate(data, size, most);
}
