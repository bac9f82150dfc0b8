// Numbers as 8 bytes, texts and lists behind their lengths, a word at the end.
#include "lib/dump/catalog_wire.hpp"

#include <array>
#include <bit>
#include <cstring>
#include <type_traits>
#include <variant>

#include "lib/core/plain_text.hpp"

namespace attnspec {
namespace {

constexpr std::uint64_t table_mark = 0x315f47'4f4c4154'41ULL, refusal_mark = 0x315f4c'41535546'45ULL,
                        end_mark = 0x444e455f'47'4f4cULL;

class Writer {
 public:
  void number(std::uint64_t value) {
    std::array<std::byte, sizeof value> raw;
    std::memcpy(raw.data(), &value, sizeof value);
    bytes_.insert(bytes_.end(), raw.begin(), raw.end());
  }
  void real(double value) { number(std::bit_cast<std::uint64_t>(value)); }
  void text(const std::string& value) {
    number(value.size());
    const auto* raw = reinterpret_cast<const std::byte*>(value.data());
    bytes_.insert(bytes_.end(), raw, raw + value.size());
  }
  template <class Value>
  void block(const std::vector<Value>& values) {
    static_assert(std::is_trivially_copyable_v<Value>);
    number(values.size());
    const auto* raw = reinterpret_cast<const std::byte*>(values.data());
    bytes_.insert(bytes_.end(), raw, raw + values.size() * sizeof(Value));
  }
  std::vector<std::byte> finish() {
    number(end_mark);
    return std::move(bytes_);
  }

 private:
  std::vector<std::byte> bytes_;
};

class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::uint64_t number() {
    std::uint64_t value = 0;
    std::memcpy(&value, take(sizeof value), sizeof value);
    return value;
  }
  double real() { return std::bit_cast<double>(number()); }
  std::string text() {
    const std::size_t size = count(1);
    return {reinterpret_cast<const char*>(take(size)), size};
  }
  /// What ends up in messages.
  std::string line() { return on_one_line(text()); }
  template <class Value>
  std::vector<Value> block() {
    std::vector<Value> values(count(sizeof(Value)));
    if (!values.empty()) std::memcpy(values.data(), take(values.size() * sizeof(Value)), values.size() * sizeof(Value));
    return values;
  }
  /// A list's length: its entries, of at least `least` bytes each, must be there.
  std::size_t count(std::size_t least) {
    const std::uint64_t value = number();
    if (value > bytes_.size() / least) fail();
    return static_cast<std::size_t>(value);
  }
  void end() {
    if (number() != end_mark || !bytes_.empty()) fail();
  }
  [[noreturn]] static void fail() { throw Error(ErrorKind::internal, "the table of contents came back damaged"); }

 private:
  const std::byte* take(std::size_t size) {
    if (size > bytes_.size()) fail();
    const std::byte* start = bytes_.data();
    bytes_ = bytes_.subspan(size);
    return start;
  }

  std::span<const std::byte> bytes_;
};

void put(Writer& to, const Attributes& attributes) {
  to.number(attributes.size());
  for (const auto& [name, value] : attributes) {
    to.text(name);
    to.number(value.index());
    if (const auto* numbers = std::get_if<std::vector<double>>(&value)) {
      to.block(*numbers);
    } else {
      const auto& texts = std::get<std::vector<std::string>>(value);
      to.number(texts.size());
      for (const std::string& text : texts) to.text(text);
    }
  }
}

Attributes take_attributes(Reader& from) {
  Attributes attributes;
  for (std::size_t left = from.count(24); left > 0; --left) {
    const std::string name = from.text();
    const std::uint64_t kind = from.number();
    if (kind == 0) {
      attributes[name] = from.block<double>();
    } else {
      std::vector<std::string> texts;
      for (std::size_t i = from.count(8); i > 0; --i) texts.push_back(from.text());
      attributes[name] = std::move(texts);
    }
    if (std::visit([](const auto& values) { return values.empty(); }, attributes[name])) Reader::fail();
  }
  return attributes;
}

void put(Writer& to, const CatalogEntry& entry) {
  to.text(entry.path);
  to.number(static_cast<std::uint64_t>(entry.encoding.type));
  to.number(entry.encoding.big_endian ? 1 : 0);
  to.real(entry.encoding.unit);
  to.text(entry.type_name);
  to.block(entry.shape);
  to.block(entry.chunk);
  to.block(entry.pipeline);
  to.text(entry.filters);
  to.number(entry.offset);
  to.number(entry.chunks.size());
  for (const ChunkPlace& place : entry.chunks) {
    to.number(place.offset);
    to.number(place.bytes);
    to.number(place.skipped_filters);
  }
  to.block(entry.inlined);
  to.block(entry.fill);
  to.block(entry.numbers);
  put(to, entry.attributes);
  to.text(entry.refusal);
}

CatalogEntry take_entry(Reader& from) {
  CatalogEntry entry;
  entry.path = from.line();
  if (!entry.path.starts_with('/')) Reader::fail();
  const std::uint64_t type = from.number();
  if (type > static_cast<std::uint64_t>(StoredType::other)) Reader::fail();
  entry.encoding.type = static_cast<StoredType>(type);
  entry.encoding.big_endian = from.number() != 0;
  entry.encoding.unit = from.real();
  entry.type_name = from.line();
  entry.shape = from.block<std::size_t>();
  entry.chunk = from.block<std::size_t>();
  entry.pipeline = from.block<Filter>();
  for (const Filter filter : entry.pipeline)
    if (filter > Filter::lzf) Reader::fail();
  entry.filters = from.line();
  entry.offset = from.number();
  entry.chunks.resize(from.count(24));
  for (ChunkPlace& place : entry.chunks) {
    place.offset = from.number();
    place.bytes = from.number();
    place.skipped_filters = static_cast<std::uint32_t>(from.number());
  }
  entry.inlined = from.block<std::byte>();
  entry.fill = from.block<std::byte>();
  entry.numbers = from.block<std::int64_t>();
  entry.attributes = take_attributes(from);
  entry.refusal = from.line();
  return entry;
}

}  // namespace

std::vector<std::byte> wire_of(const Catalog& catalog) {
  Writer to;
  to.number(table_mark);
  put(to, catalog.attributes);
  to.number(catalog.datasets.size());
  for (const CatalogEntry& entry : catalog.datasets) put(to, entry);
  to.number(catalog.refused_links.size());
  for (const std::string& link : catalog.refused_links) to.text(link);
  return to.finish();
}

std::vector<std::byte> wire_of(ErrorKind kind, const std::string& refusal) {
  Writer to;
  to.number(refusal_mark);
  to.number(static_cast<std::uint64_t>(kind));
  to.text(refusal);
  return to.finish();
}

void take_wire(std::span<const std::byte> bytes, Catalog& catalog) {
  Reader from(bytes);
  const std::uint64_t mark = from.number();
  if (mark == refusal_mark) {
    const std::uint64_t kind = from.number();
    const std::string refusal = from.text();
    from.end();
    throw Error(kind == static_cast<std::uint64_t>(ErrorKind::limit) ? ErrorKind::limit : ErrorKind::input, refusal);
  }
  if (mark != table_mark) Reader::fail();
  catalog.attributes = take_attributes(from);
  constexpr std::size_t least_entry = 16 * 8;  // its lists and texts may all be empty
  const std::size_t datasets = from.count(least_entry);
  if (datasets > most_objects) Reader::fail();
  for (std::size_t left = datasets; left > 0; --left) catalog.datasets.push_back(take_entry(from));
  for (std::size_t left = from.count(8); left > 0; --left) catalog.refused_links.push_back(from.line());
  from.end();
}

}  // namespace attnspec
