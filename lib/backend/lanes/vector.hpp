// Vectors of one instruction set, by the compiler's vector extensions. Compiled once for every set: each translation
// unit that includes this defines ATTNSPEC_LANES, a namespace of its own, and ATTNSPEC_VECTOR_BYTES.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#include "lib/core/block_store.hpp"
#include "lib/core/half.hpp"

// With the sanitizers' code in them, GCC can not unroll some loops, and warns.
#ifdef __SANITIZE_ADDRESS__
#define ATTNSPEC_UNROLL
#else
#define ATTNSPEC_UNROLL _Pragma("GCC unroll 16")
#endif

namespace attnspec::ATTNSPEC_LANES {

constexpr std::size_t vector_bytes = ATTNSPEC_VECTOR_BYTES;

template <class Number>
struct VectorOf;
template <>
struct VectorOf<float> {
  using Type __attribute__((vector_size(vector_bytes))) = float;
  using Mask __attribute__((vector_size(vector_bytes))) = std::int32_t;
};
template <>
struct VectorOf<double> {
  using Type __attribute__((vector_size(vector_bytes))) = double;
  using Mask __attribute__((vector_size(vector_bytes))) = std::int64_t;
};
using Floats = VectorOf<float>::Type;
using Doubles = VectorOf<double>::Type;
using FloatMask = VectorOf<float>::Mask;
using DoubleMask = VectorOf<double>::Mask;

constexpr std::size_t float_lanes = vector_bytes / sizeof(float), double_lanes = vector_bytes / sizeof(double);

// Less zero: adding it would have to make 0 of -0, which costs an instruction.
inline Floats all(float x) { return x - Floats{}; }
inline Doubles all(double x) { return x - Doubles{}; }

/// x where the mask is set, else 0.
inline Floats where(FloatMask mask, Floats x) {
  return reinterpret_cast<Floats>(reinterpret_cast<FloatMask>(x) & mask);
}
inline Doubles where(DoubleMask mask, Doubles x) {
  return reinterpret_cast<Doubles>(reinterpret_cast<DoubleMask>(x) & mask);
}

#if ATTNSPEC_VECTOR_BYTES == 64
inline Floats root(Floats x) { return reinterpret_cast<Floats>(_mm512_sqrt_ps(reinterpret_cast<__m512>(x))); }
inline Doubles root(Doubles x) { return reinterpret_cast<Doubles>(_mm512_sqrt_pd(reinterpret_cast<__m512d>(x))); }
#elif ATTNSPEC_VECTOR_BYTES == 32
inline Floats root(Floats x) { return reinterpret_cast<Floats>(_mm256_sqrt_ps(reinterpret_cast<__m256>(x))); }
inline Doubles root(Doubles x) { return reinterpret_cast<Doubles>(_mm256_sqrt_pd(reinterpret_cast<__m256d>(x))); }
#else
inline Floats root(Floats x) { return reinterpret_cast<Floats>(_mm_sqrt_ps(reinterpret_cast<__m128>(x))); }
inline Doubles root(Doubles x) { return reinterpret_cast<Doubles>(_mm_sqrt_pd(reinterpret_cast<__m128d>(x))); }
#endif

inline Doubles larger(Doubles x, Doubles y) { return x > y ? x : y; }

/// The doubles that a Floats is made of.
struct WideFloats {
  Doubles low, high;
};
inline WideFloats wide_floats_at(const double* from) {
  WideFloats x;
  std::memcpy(&x, from, sizeof x);
  return x;
}
inline Floats narrow(WideFloats x) {
#if ATTNSPEC_VECTOR_BYTES == 64
  return reinterpret_cast<Floats>(
      _mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps(reinterpret_cast<__m512d>(x.low))),
                         _mm512_cvtpd_ps(reinterpret_cast<__m512d>(x.high)), 1));
#elif ATTNSPEC_VECTOR_BYTES == 32
  return reinterpret_cast<Floats>(_mm256_set_m128(_mm256_cvtpd_ps(reinterpret_cast<__m256d>(x.high)),
                                                  _mm256_cvtpd_ps(reinterpret_cast<__m256d>(x.low))));
#else
  return reinterpret_cast<Floats>(
      _mm_movelh_ps(_mm_cvtpd_ps(reinterpret_cast<__m128d>(x.low)), _mm_cvtpd_ps(reinterpret_cast<__m128d>(x.high))));
#endif
}

inline WideFloats widened(Floats x) {
#if ATTNSPEC_VECTOR_BYTES == 64
  const auto y = reinterpret_cast<__m512>(x);
  return {reinterpret_cast<Doubles>(_mm512_cvtps_pd(_mm512_castps512_ps256(y))),
          reinterpret_cast<Doubles>(_mm512_cvtps_pd(_mm512_extractf32x8_ps(y, 1)))};
#elif ATTNSPEC_VECTOR_BYTES == 32
  const auto y = reinterpret_cast<__m256>(x);
  return {reinterpret_cast<Doubles>(_mm256_cvtps_pd(_mm256_castps256_ps128(y))),
          reinterpret_cast<Doubles>(_mm256_cvtps_pd(_mm256_extractf128_ps(y, 1)))};
#else
  const auto y = reinterpret_cast<__m128>(x);
  return {reinterpret_cast<Doubles>(_mm_cvtps_pd(y)), reinterpret_cast<Doubles>(_mm_cvtps_pd(_mm_movehl_ps(y, y)))};
#endif
}

/// Of IEEE half precision, exactly.
inline Floats floats_of_halves(const std::uint16_t* from) {
#if ATTNSPEC_VECTOR_BYTES == 64
  return reinterpret_cast<Floats>(_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from))));
#elif ATTNSPEC_VECTOR_BYTES == 32
  return reinterpret_cast<Floats>(_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from))));
#else
  Floats x;
  for (std::size_t lane = 0; lane < float_lanes; ++lane) x[lane] = static_cast<float>(from_half(from[lane]));
  return x;
#endif
}

inline Doubles doubles_of_halves(const std::uint16_t* from) {
#if ATTNSPEC_VECTOR_BYTES == 64
  return reinterpret_cast<Doubles>(
      _mm512_cvtps_pd(_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)))));
#elif ATTNSPEC_VECTOR_BYTES == 32
  return reinterpret_cast<Doubles>(
      _mm256_cvtps_pd(_mm_cvtph_ps(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from)))));
#else
  Doubles x;
  for (std::size_t lane = 0; lane < double_lanes; ++lane) x[lane] = from_half(from[lane]);
  return x;
#endif
}

/// The same `count` floats over and over.
template <std::size_t count>
inline Floats repeated(const float* from) {
  if constexpr (count == 1) {
    return all(*from);
#if ATTNSPEC_VECTOR_BYTES == 64
  } else if constexpr (count == 4) {
    return reinterpret_cast<Floats>(_mm512_broadcast_f32x4(_mm_load_ps(from)));
  } else {
    static_assert(count == 2);
    return reinterpret_cast<Floats>(_mm512_castpd_ps(_mm512_set1_pd(*reinterpret_cast<const double*>(from))));
#elif ATTNSPEC_VECTOR_BYTES == 32
  } else {
    static_assert(count == 2);
    return reinterpret_cast<Floats>(_mm256_castpd_ps(_mm256_broadcast_sd(reinterpret_cast<const double*>(from))));
#endif
  }
}

/// Keeps a value in a register: GCC would load a reused coefficient once for every use.
inline void keep(Floats& x) { asm("" : "+x"(x)); }
inline void keep(Doubles& x) { asm("" : "+x"(x)); }

/// Zeros, aligned for any vector. Where it is large, in huge pages: the kernels walk down columns far apart.
template <class Vector>
class VectorBlock {
  static constexpr std::size_t alignment = 64, large = std::size_t{1} << 20;

 public:
  explicit VectorBlock(std::size_t count) : count_(count) {
    const std::size_t bytes = (count * sizeof(Vector) / alignment + 2) * alignment;
    const Block block = bytes < large ? Block{std::aligned_alloc(alignment, bytes), 0} : BlockStore::map(bytes);
    if (block.start == nullptr) throw std::bad_alloc();
    block_ = {static_cast<Vector*>(block.start), Free{block.bytes}};
    if (block.bytes == 0) std::memset(block.start, 0, bytes);
  }
  Vector* get() { return block_.get(); }
  std::size_t size() const { return count_; }
  void clear() { std::memset(static_cast<void*>(block_.get()), 0, count_ * sizeof(Vector)); }

 private:
  struct Free {
    std::size_t mapped_bytes = 0;
    void operator()(Vector* start) const {
      if (mapped_bytes == 0)
        std::free(start);
      else
        BlockStore::unmap({start, mapped_bytes});
    }
  };
  std::unique_ptr<Vector, Free> block_;
  std::size_t count_;
};

}  // namespace attnspec::ATTNSPEC_LANES
