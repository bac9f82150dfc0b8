// The pipeline backwards: each filter that a chunk went through, the last one first.
#include "lib/dump/filters.hpp"

#include <libdeflate.h>
#include <lzf.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "lib/core/vector_clones.hpp"

namespace attnspec {
namespace {

using Bytes = std::vector<std::byte>;

struct FreeDecompressor {
  void operator()(libdeflate_decompressor* d) const { libdeflate_free_decompressor(d); }
};

std::string inflate(const Bytes& in, std::size_t most, Bytes& out) {
  thread_local const std::unique_ptr<libdeflate_decompressor, FreeDecompressor> decompressor(
      libdeflate_alloc_decompressor());
  out.resize(most);
  std::size_t got = 0;
  if (libdeflate_zlib_decompress(decompressor.get(), in.data(), in.size(), out.data(), out.size(), &got) !=
      LIBDEFLATE_SUCCESS)
    return "its deflate stream is damaged";
  out.resize(got);
  return "";
}

std::string expand(const Bytes& in, std::size_t most, Bytes& out) {
  if (in.empty()) return "its lzf stream is empty";  // the library looks at the first byte all the same
  out.resize(most);
  const unsigned got =
      lzf_decompress(in.data(), static_cast<unsigned>(in.size()), out.data(), static_cast<unsigned>(out.size()));
  out.resize(got);
  return got == 0 ? "its lzf stream is damaged" : "";
}

ATTNSPEC_VECTOR_CLONES
void unshuffle2(const std::byte* in, std::byte* out, std::size_t count) {
  const std::byte *low = in, *high = in + count;
  for (std::size_t i = 0; i < count; ++i) {
    out[2 * i] = low[i];
    out[2 * i + 1] = high[i];
  }
}

ATTNSPEC_VECTOR_CLONES
void unshuffle4(const std::byte* in, std::byte* out, std::size_t count) {
  const std::byte *a = in, *b = a + count, *c = b + count, *d = c + count;
  for (std::size_t i = 0; i < count; ++i) {
    out[4 * i] = a[i];
    out[4 * i + 1] = b[i];
    out[4 * i + 2] = c[i];
    out[4 * i + 3] = d[i];
  }
}

/// The first bytes of all numbers, then their second ones, and so on; a rest that fills no number lies behind as it is.
void unshuffle(std::size_t width, const Bytes& in, Bytes& out) {
  out.resize(in.size());
  const std::size_t count = in.size() / width;
  if (width == 2)
    unshuffle2(in.data(), out.data(), count);
  else if (width == 4)
    unshuffle4(in.data(), out.data(), count);
  else
    for (std::size_t b = 0; b < width; ++b)
      for (std::size_t i = 0; i < count; ++i) out[i * width + b] = in[b * count + i];
  std::copy(in.begin() + static_cast<std::ptrdiff_t>(count * width), in.end(),
            out.begin() + static_cast<std::ptrdiff_t>(count * width));
}

/// HDF5 before 1.6.3 swapped the bytes of each half of the sum, and readers accept both.
bool same_sum(std::uint32_t sum, std::uint32_t stored) {
  const std::uint32_t swapped = (sum & 0x00ff00ffU) << 8 | (sum >> 8 & 0x00ff00ffU);
  return stored == sum || stored == swapped;
}

std::string check_sum(Bytes& bytes) {
  std::uint32_t stored = 0;
  if (bytes.size() < sizeof stored) return "it is too short for its checksum";
  const std::byte* at = bytes.data() + bytes.size() - sizeof stored;
  for (std::size_t i = sizeof stored; i-- > 0;) stored = stored << 8 | std::to_integer<std::uint32_t>(at[i]);
  bytes.resize(bytes.size() - sizeof stored);
  return same_sum(fletcher32(bytes), stored) ? "" : "its fletcher32 checksum is wrong";
}

}  // namespace

std::uint32_t fletcher32(std::span<const std::byte> bytes) {
  std::uint64_t sum = 0, sum_of_sums = 0;
  const auto fold = [](std::uint64_t x) { return (x & 0xffff) + (x >> 16); };
  std::size_t i = 0;
  const auto word = [&](std::size_t at) {
    const auto high = std::to_integer<std::uint64_t>(bytes[at]);
    return high << 8 | (at + 1 < bytes.size() ? std::to_integer<std::uint64_t>(bytes[at + 1]) : 0);
  };
  constexpr std::size_t block = 2 * 360;  // as HDF5 folds, so that 0 and 65535 come out as there
  while (i < bytes.size()) {
    for (const std::size_t end = std::min(bytes.size(), i + block); i < end; i += 2) sum_of_sums += sum += word(i);
    sum = fold(sum);
    sum_of_sums = fold(sum_of_sums);
  }
  return static_cast<std::uint32_t>(fold(sum_of_sums) << 16 | fold(sum));
}

std::string undo_filters(const CatalogEntry& entry, std::uint64_t skipped_filters, Bytes& stored, Bytes& other) {
  constexpr std::size_t room_for_sums = 64;
  const std::size_t whole = entry.chunk_bytes();
  for (std::size_t f = entry.pipeline.size(); f-- > 0;) {
    if ((skipped_filters >> f & 1) != 0) continue;
    std::string wrong;
    if (entry.pipeline[f] == Filter::fletcher32) {
      wrong = check_sum(stored);
    } else {
      switch (entry.pipeline[f]) {
        case Filter::deflate: wrong = inflate(stored, whole + room_for_sums, other); break;
        case Filter::lzf: wrong = expand(stored, whole + room_for_sums, other); break;
        default: unshuffle(bytes_of(entry.encoding.type), stored, other);
      }
      std::swap(stored, other);
    }
    if (!wrong.empty()) return wrong;
  }
  if (stored.size() == whole) return "";
  return "it gives " + std::to_string(stored.size()) + " bytes, expected " + std::to_string(whole);
}

}  // namespace attnspec
