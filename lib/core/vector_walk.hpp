// Vectors of 64 bytes and a walk along many numbers, for functions with ATTNSPEC_VECTOR_CLONES: all of it goes inline
// there, and into each clone's own instructions. Not installed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace attnspec::vectors {

constexpr std::size_t vector_bytes = 64;
using Doubles [[gnu::vector_size(vector_bytes)]] = double;
using Bits [[gnu::vector_size(vector_bytes)]] = std::uint64_t;
template <class Number>
struct LanesOf {
  using Type [[gnu::vector_size(vector_bytes)]] = Number;
};

[[gnu::always_inline]] inline void add(const Doubles& x, Doubles& to) { to += x; }
/// As doubles.
[[gnu::always_inline]] inline void add(const LanesOf<float>::Type& x, Doubles& to) {
  using Half [[gnu::vector_size(vector_bytes / 2)]] = float;
  Half half;
  std::memcpy(&half, &x, sizeof half);
  to += __builtin_convertvector(half, Doubles);
  std::memcpy(&half, reinterpret_cast<const char*>(&x) + sizeof half, sizeof half);
  to += __builtin_convertvector(half, Doubles);
}

[[gnu::always_inline]] inline double total(const Doubles& lanes) {
  Doubles x = lanes;
  x += __builtin_shuffle(x, Bits{4, 5, 6, 7, 0, 1, 2, 3});
  x += __builtin_shuffle(x, Bits{2, 3, 0, 1, 6, 7, 4, 5});
  return x[0] + x[1];
}

/// Calls take(vector) for one after another, the last one filled up with zeros.
template <class Lanes, class Number, class Take>
[[gnu::always_inline]] inline void walk(const Number* entries, std::size_t count, Take take) {
  constexpr std::size_t lanes = sizeof(Lanes) / sizeof(Number);
  std::size_t j = 0;
  for (; j + lanes <= count; j += lanes) {
    Lanes x;
    std::memcpy(&x, entries + j, sizeof x);
    take(x);
  }
  if (j == count) return;
  Lanes x{};
  std::memcpy(&x, entries + j, (count - j) * sizeof(Number));
  take(x);
}

}  // namespace attnspec::vectors
