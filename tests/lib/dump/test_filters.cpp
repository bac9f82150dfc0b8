// HDF5's filters are undone as HDF5 would, and damage is named.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "lib/dump/filters.hpp"

using namespace attnspec;

namespace {

using Bytes = std::vector<std::byte>;

/// 3, 10, 17, ... modulo 256.
Bytes some_bytes(std::size_t count) {
  Bytes bytes(count);
  for (std::size_t i = 0; i < count; ++i) bytes[i] = static_cast<std::byte>((7 * i + 3) % 256);
  return bytes;
}

CatalogEntry chunk_of(StoredType type, std::size_t numbers, std::vector<Filter> pipeline) {
  CatalogEntry entry;
  entry.encoding.type = type;
  entry.shape = entry.chunk = {numbers};
  entry.pipeline = std::move(pipeline);
  return entry;
}

struct Undone {
  std::string wrong;
  Bytes bytes;
};

Undone undone(const CatalogEntry& entry, Bytes stored, std::uint32_t skipped = 0) {
  Bytes other;
  std::string wrong = undo_filters(entry, skipped, stored, other);
  return {std::move(wrong), std::move(stored)};
}

void append(Bytes& bytes, std::initializer_list<std::uint32_t> values) {
  for (const std::uint32_t value : values) bytes.push_back(static_cast<std::byte>(value & 255));
}

/// The filter's definition: first bytes of all numbers, then second ones; the rest as it is.
Bytes shuffled(const Bytes& plain, std::size_t width) {
  Bytes out;
  const std::size_t count = plain.size() / width;
  for (std::size_t b = 0; b < width; ++b)
    for (std::size_t i = 0; i < count; ++i) out.push_back(plain[i * width + b]);
  out.insert(out.end(), plain.begin() + static_cast<std::ptrdiff_t>(count * width), plain.end());
  return out;
}

Bytes summed(Bytes bytes) {
  const std::uint32_t sum = fletcher32(bytes);
  append(bytes, {sum, sum >> 8, sum >> 16, sum >> 24});
  return bytes;
}

/// RFC 1950 and 1951: one stored block.
Bytes zlib_stream(const Bytes& plain) {
  Bytes out;
  const auto size = static_cast<std::uint32_t>(plain.size());
  append(out, {0x78, 0x01, 1, size, size >> 8, ~size, ~size >> 8});
  out.insert(out.end(), plain.begin(), plain.end());
  std::uint32_t a = 1, b = 0;
  for (const std::byte byte : plain) b = (b + (a = (a + std::to_integer<std::uint32_t>(byte)) % 65521)) % 65521;
  append(out, {b >> 8, b, a >> 8, a});
  return out;
}

/// Literal runs of at most 32 bytes, each behind its length less one.
Bytes lzf_stream(const Bytes& plain) {
  Bytes out;
  for (std::size_t at = 0; at < plain.size(); at += 32) {
    const std::size_t run = std::min<std::size_t>(32, plain.size() - at);
    out.push_back(static_cast<std::byte>(run - 1));
    const auto from = plain.begin() + static_cast<std::ptrdiff_t>(at);
    out.insert(out.end(), from, from + static_cast<std::ptrdiff_t>(run));
  }
  return out;
}

}  // namespace

TEST_CASE("fletcher32 is the sum that HDF5 writes") {
  // From read_direct_chunk of h5py 3.7 (HDF5 1.10.8).
  const std::vector<std::pair<std::size_t, std::uint32_t>> written{
      {1, 0x03000300},   {2, 0x030a030a},   {3, 0x1714140a},    {49, 0x7e05bd12},
      {720, 0xad72d1aa}, {721, 0x321e84ab}, {1441, 0xc46287d7}, {5000, 0x2c1f3ba1}};
  for (const auto& [count, sum] : written) {
    INFO(count << " bytes");
    REQUIRE(fletcher32(some_bytes(count)) == sum);
  }
  REQUIRE(fletcher32(Bytes(8, std::byte{0})) == 0);
  REQUIRE(fletcher32(Bytes(6, std::byte{0xff})) == 0xffffffff);
  REQUIRE(fletcher32(Bytes(1000, std::byte{0xff})) == 0xffffffff);
}

TEST_CASE("shuffled bytes of every width and count come back in order") {
  for (const StoredType type : {StoredType::uint8, StoredType::float16, StoredType::float32, StoredType::float64})
    for (const std::size_t count : {1U, 2U, 3U, 15U, 16U, 17U, 33U, 1000U}) {
      const std::size_t width = bytes_of(type);
      const Bytes plain = some_bytes(count * width);

      const Undone found = undone(chunk_of(type, count, {Filter::shuffle}), shuffled(plain, width));

      INFO(name_of(type) << " x " << count);
      REQUIRE(found.wrong.empty());
      REQUIRE(found.bytes == plain);
    }
}

TEST_CASE("filters are undone from the last to the first, in whatever order they were applied") {
  constexpr std::size_t count = 100, width = 4;
  const Bytes plain = some_bytes(count * width);
  struct Case {
    std::vector<Filter> pipeline;
    Bytes stored;
  };
  const std::vector<Case> cases{
      {{}, plain},
      {{Filter::deflate}, zlib_stream(plain)},
      {{Filter::lzf}, lzf_stream(plain)},
      {{Filter::fletcher32}, summed(plain)},
      {{Filter::shuffle, Filter::deflate, Filter::fletcher32}, summed(zlib_stream(shuffled(plain, width)))},
      {{Filter::shuffle, Filter::lzf, Filter::fletcher32}, summed(lzf_stream(shuffled(plain, width)))},
      {{Filter::fletcher32, Filter::shuffle, Filter::deflate}, zlib_stream(shuffled(summed(plain), width))},
      {{Filter::fletcher32, Filter::deflate}, zlib_stream(summed(plain))},
      {{Filter::deflate, Filter::deflate}, zlib_stream(zlib_stream(plain))}};
  for (const Case& c : cases) {
    const Undone found = undone(chunk_of(StoredType::float32, count, c.pipeline), c.stored);
    INFO(c.pipeline.size() << " filters, " << c.stored.size() << " bytes");
    REQUIRE(found.wrong.empty());
    REQUIRE(found.bytes == plain);
  }
}

TEST_CASE("a filter that a chunk did not go through is not undone") {
  const Bytes plain = some_bytes(64);
  const CatalogEntry entry = chunk_of(StoredType::float64, 8, {Filter::shuffle, Filter::deflate, Filter::fletcher32});

  REQUIRE(undone(entry, summed(shuffled(plain, 8)), 0b010).bytes == plain);
  REQUIRE(undone(entry, zlib_stream(plain), 0b101).bytes == plain);
  REQUIRE(undone(entry, plain, 0b111).bytes == plain);
  REQUIRE(undone(entry, plain, 0b011).wrong == "its fletcher32 checksum is wrong");
}

TEST_CASE("the sum of HDF5 before 1.6.3, with its bytes swapped, is accepted") {
  Bytes stored = summed(some_bytes(16));
  std::swap(stored[16], stored[17]);
  std::swap(stored[18], stored[19]);

  REQUIRE(undone(chunk_of(StoredType::float64, 2, {Filter::fletcher32}), stored).wrong.empty());
}

TEST_CASE("every flipped bit under a checksum is found") {
  const CatalogEntry entry = chunk_of(StoredType::float64, 4, {Filter::fletcher32});
  const Bytes stored = summed(some_bytes(32));
  for (std::size_t bit = 0; bit < 8 * stored.size(); ++bit) {
    Bytes damaged = stored;
    damaged[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
    INFO("bit " << bit);
    REQUIRE(undone(entry, damaged).wrong == "its fletcher32 checksum is wrong");
  }
}

TEST_CASE("streams that are cut off, too long, too short or no streams at all are damaged") {
  constexpr std::size_t count = 30;
  const Bytes plain = some_bytes(8 * count);
  Bytes longer = plain, far_longer(60000, std::byte{1}), shorter = plain;
  append(longer, {1, 2, 3});
  shorter.pop_back();
  for (const Filter filter : {Filter::deflate, Filter::lzf}) {
    const CatalogEntry entry = chunk_of(StoredType::float64, count, {filter});
    const auto stream = [filter](const Bytes& bytes) {
      return filter == Filter::deflate ? zlib_stream(bytes) : lzf_stream(bytes);
    };
    REQUIRE(undone(entry, stream(plain)).wrong.empty());
    for (const Bytes& wrong : {longer, far_longer, shorter, Bytes{}})
      REQUIRE(!undone(entry, stream(wrong)).wrong.empty());
    Bytes stored = stream(plain);
    while (!stored.empty()) {
      stored.pop_back();
      REQUIRE(!undone(entry, stored).wrong.empty());
    }
    REQUIRE(!undone(entry, Bytes(100, std::byte{0xff})).wrong.empty());
  }
  REQUIRE(undone(chunk_of(StoredType::float64, count, {Filter::fletcher32}), Bytes(3)).wrong ==
          "it is too short for its checksum");
  REQUIRE(undone(chunk_of(StoredType::float64, count, {}), shorter).wrong == "it gives 239 bytes, expected 240");
}
