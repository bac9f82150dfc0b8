// One loop a type.
#include "lib/dump/decode.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include "lib/core/error.hpp"
#include "lib/core/vector_clones.hpp"
#include "lib/core/half.hpp"

namespace attnspec {
namespace {

template <class Stored>
Stored load(const std::byte* bytes, std::size_t i) {
  Stored value;
  std::memcpy(&value, bytes + i * sizeof value, sizeof value);
  return value;
}

ATTNSPEC_VECTOR_CLONES
void bfloats(const std::byte* bytes, double* out, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i)
    out[i] = static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(load<std::uint16_t>(bytes, i)) << 16));
}

ATTNSPEC_VECTOR_CLONES
void floats(const std::byte* bytes, double* out, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) out[i] = static_cast<double>(load<float>(bytes, i));
}

ATTNSPEC_VECTOR_CLONES
void steps(const std::byte* bytes, double unit, double* out, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) out[i] = unit * static_cast<double>(load<std::uint8_t>(bytes, i));
}

void native(const Encoding& encoding, const std::byte* bytes, double* out, std::size_t count) {
  switch (encoding.type) {
    case StoredType::float16: return from_halves(bytes, out, count);
    case StoredType::bfloat16: return bfloats(bytes, out, count);
    case StoredType::float32: return floats(bytes, out, count);
    case StoredType::float64: std::memcpy(out, bytes, count * sizeof *out); return;
    case StoredType::uint8: return steps(bytes, encoding.unit, out, count);
    default: throw Error(ErrorKind::internal, "asked to decode numbers that are no floating point");
  }
}

template <class Stored, class Swap>
void swap_each(const std::byte* bytes, std::byte* out, std::size_t count, Swap swap) {
  for (std::size_t i = 0; i < count; ++i) {
    const Stored swapped = static_cast<Stored>(swap(load<Stored>(bytes, i)));
    std::memcpy(out + i * sizeof swapped, &swapped, sizeof swapped);
  }
}

void swap_bytes(std::size_t width, const std::byte* bytes, std::byte* out, std::size_t count) {
  switch (width) {
    case 2: return swap_each<std::uint16_t>(bytes, out, count, [](auto x) { return __builtin_bswap16(x); });
    case 4: return swap_each<std::uint32_t>(bytes, out, count, [](auto x) { return __builtin_bswap32(x); });
    case 8: return swap_each<std::uint64_t>(bytes, out, count, [](auto x) { return __builtin_bswap64(x); });
    default: std::memcpy(out, bytes, count * width);
  }
}

}  // namespace

void decode(const Encoding& encoding, std::span<const std::byte> bytes, std::span<double> out) {
  if (encoding.big_endian == (std::endian::native == std::endian::big))
    return native(encoding, bytes.data(), out.data(), out.size());
  std::array<std::byte, 4096> swapped;
  const std::size_t width = bytes_of(encoding.type), step = swapped.size() / std::max<std::size_t>(1, width);
  for (std::size_t i = 0; i < out.size(); i += step) {
    const std::size_t count = std::min(step, out.size() - i);
    swap_bytes(width, bytes.data() + i * width, swapped.data(), count);
    native(encoding, swapped.data(), out.data() + i, count);
  }
}

}  // namespace attnspec
