// Words from Philox, normals from words: a buffer at a time, each step a loop.
#include "lib/core/gaussian_map.hpp"
#include "lib/core/vector_clones.hpp"

#include <Random123/philox.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

// CMake compiles this file without contraction: a fused multiply-add rounds once where two rounds are written, and the
// bits would depend on the vector width.
namespace attnspec {
namespace {

constexpr std::size_t block_words = 4;     // what one counter of Philox4x64 gives
constexpr std::size_t buffer_words = 512;  // 12 KB with the results: stays in the nearest cache
constexpr std::size_t buffer_pairs = buffer_words / 2;

// The words of Box and Muller's u and v lie apart, so that both are read in order.
struct Words {
  alignas(64) std::array<std::uint64_t, buffer_pairs> u, v;
};

void draw(std::uint64_t seed, std::uint64_t trial, std::size_t first_block, std::size_t blocks, Words& words) {
  r123::Philox4x64 philox;
  for (std::size_t b = 0; b < blocks; ++b) {
    const r123::Philox4x64::ctr_type w = philox({{first_block + b + 1, 0, trial, 0}}, {{seed, 0}});
    words.u[2 * b] = w[0];
    words.v[2 * b] = w[1];
    words.u[2 * b + 1] = w[2];
    words.v[2 * b + 1] = w[3];
  }
}

constexpr std::uint64_t mantissa = 0x000F'FFFF'FFFF'FFFF;

/// 1 + (word >> 12) 2^-52, without the conversion of integers that older vector units lack.
inline double one_to_two(std::uint64_t word) {
  return std::bit_cast<double>((word >> 12) | std::bit_cast<std::uint64_t>(1.0));
}

/// ln of a normal number in (0, 1].
inline double logarithm(double u) {
  // u = 2^e m with m in [sqrt(1/2), sqrt(2)), so that e = 0 next to 1, where ln u must keep its relative accuracy.
  constexpr auto lowest = std::bit_cast<std::uint64_t>(0x1.6a09e667f3bcdp-1);
  const std::uint64_t shifted = std::bit_cast<std::uint64_t>(u) - lowest + std::bit_cast<std::uint64_t>(1.0);
  const double m = std::bit_cast<double>((shifted & mantissa) + lowest);
  const double e = std::bit_cast<double>((shifted >> 52) | std::bit_cast<std::uint64_t>(0x1p52)) - (0x1p52 + 1023);
  // ln m = 2 atanh s = 2s + s R(s^2), and 2s = f - s f: the term that would carry the rounding of s is exact.
  const double f = m - 1, s = f / (m + 1), y = s * s;
  double r = 2.0 / 21;
  r = r * y + 2.0 / 19;
  r = r * y + 2.0 / 17;
  r = r * y + 2.0 / 15;
  r = r * y + 2.0 / 13;
  r = r * y + 2.0 / 11;
  r = r * y + 2.0 / 9;
  r = r * y + 2.0 / 7;
  r = r * y + 2.0 / 5;
  r = r * y + 2.0 / 3;
  // ln 2 in two parts, the first so short that e times it is exact.
  constexpr double ln2_high = 0x1.62e42fee00000p-1, ln2_low = 0x1.a39ef35793c76p-33;
  return e * ln2_high + (f - (s * (f - y * r) - e * ln2_low));
}

struct Turn {
  double cosine, sine;
};

/// cos and sin of 2 pi v, v in [0, 1) a multiple of 2^-52.
inline Turn turn(double v) {
  // 4v = q + f, |f| <= 1/2, without rounding: adding 1.5 2^52 leaves the nearest whole number in the last bits.
  constexpr double whole = 0x1.8p52;
  const double nearest = 4 * v + whole;
  const auto q = std::bit_cast<std::uint64_t>(nearest);
  const double x = (4 * v - (nearest - whole)) * 0x1.921fb54442d18p+0, y = x * x;
  double s = 1.0 / 355687428096000;
  s = s * y - 1.0 / 1307674368000;
  s = s * y + 1.0 / 6227020800;
  s = s * y - 1.0 / 39916800;
  s = s * y + 1.0 / 362880;
  s = s * y - 1.0 / 5040;
  s = s * y + 1.0 / 120;
  s = s * y - 1.0 / 6;
  double c = 1.0 / 20922789888000;
  c = c * y - 1.0 / 87178291200;
  c = c * y + 1.0 / 479001600;
  c = c * y - 1.0 / 3628800;
  c = c * y + 1.0 / 40320;
  c = c * y - 1.0 / 720;
  c = c * y + 1.0 / 24;
  const auto sine = std::bit_cast<std::uint64_t>(x + x * (y * s));
  const auto cosine = std::bit_cast<std::uint64_t>((1 - 0.5 * y) + y * (y * c));
  // An odd quarter swaps the two, and the quarter's number has the signs; a branch would not vectorise.
  const std::uint64_t swap = (sine ^ cosine) & (0 - (q & 1));
  return {std::bit_cast<double>(cosine ^ swap ^ (((q + 1) & 2) << 62)),
          std::bit_cast<double>(sine ^ swap ^ ((q & 2) << 62))};
}

// Three short loops rather than one: the constants of one step fit into the registers.
ATTNSPEC_VECTOR_CLONES
void transform(const Words& words, std::size_t pairs, double* normals) {
  alignas(64) std::array<double, buffer_pairs> radius, cosine, sine;
  for (std::size_t i = 0; i < pairs; ++i) radius[i] = std::sqrt(-2 * logarithm(2 - one_to_two(words.u[i])));
  for (std::size_t i = 0; i < pairs; ++i) {
    const Turn t = turn(one_to_two(words.v[i]) - 1);
    cosine[i] = t.cosine;
    sine[i] = t.sine;
  }
  for (std::size_t i = 0; i < pairs; ++i) {
    normals[2 * i] = radius[i] * cosine[i];
    normals[2 * i + 1] = radius[i] * sine[i];
  }
}

ATTNSPEC_VECTOR_CLONES
void divide(double* values, std::size_t count, double divisor) {
  for (std::size_t i = 0; i < count; ++i) values[i] /= divisor;
}

}  // namespace

void fill_normals(std::uint64_t seed, std::uint64_t trial, std::size_t first, std::span<double> out) {
  Words words;
  alignas(64) std::array<double, buffer_words> normals;
  while (!out.empty()) {
    const std::size_t skipped = first % block_words;
    const std::size_t taken = std::min(buffer_words - skipped, out.size());
    const std::size_t blocks = (skipped + taken + block_words - 1) / block_words;
    draw(seed, trial, first / block_words, blocks, words);
    const bool whole = taken == blocks * block_words;
    transform(words, blocks * block_words / 2, whole ? out.data() : normals.data());
    if (!whole) std::copy_n(normals.data() + skipped, taken, out.data());
    first += taken;
    out = out.subspan(taken);
  }
}

Matrix normals_of(const GaussianMap& map) {
  Matrix z({map.k, map.n});
  fill_normals(map.seed, map.trial, 0, z.values);
  return z;
}

Matrix matrix_of(const GaussianMap& map) {
  Matrix r = normals_of(map);
  divide(r.values.data(), r.values.size(), std::sqrt(static_cast<double>(map.k)));
  return r;
}

}  // namespace attnspec
