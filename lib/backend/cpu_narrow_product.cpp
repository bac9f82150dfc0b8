// Tiles of c in registers: one row of b and a few entries of a for each step along the inner dimension.
#include "lib/backend/cpu_narrow_product.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

namespace attnspec {
namespace {

/// `width` doubles that need no alignment.
template <std::size_t width>
struct Lanes {
  typedef double Vector __attribute__((vector_size(width * sizeof(double)), aligned(sizeof(double)), may_alias));
};

/// Products with b padded to whole vectors.
struct Padded {
  const NarrowProduct& product;
  const double* b;
  std::size_t b_stride;
};

/// One tile: `height` rows and `vectors` vectors of c, of which the first `cols` columns exist.
template <std::size_t width, std::size_t height, std::size_t vectors>
[[gnu::always_inline]] inline void tile(const Padded& padded, std::size_t row, std::size_t col, std::size_t cols) {
  using Vector = typename Lanes<width>::Vector;
  const NarrowProduct& product = padded.product;
  Vector sums[height][vectors] = {};
  const double* a = product.transposed ? product.a + row : product.a + row * product.a_stride;
  const std::size_t to_next_row = product.transposed ? 1 : product.a_stride;
  const std::size_t to_next_step = product.transposed ? product.a_stride : 1;
  const double* b = padded.b + col;
  for (std::size_t step = 0; step < product.inner; ++step) {
#pragma GCC unroll 8
    for (std::size_t v = 0; v < vectors; ++v) {
      const Vector entries = *reinterpret_cast<const Vector*>(b + v * width);
#pragma GCC unroll 8
      for (std::size_t r = 0; r < height; ++r) sums[r][v] += a[r * to_next_row] * entries;
    }
    a += to_next_step;
    b += padded.b_stride;
  }
  for (std::size_t r = 0; r < height; ++r) {
    double row_sums[vectors * width];
    std::memcpy(row_sums, sums[r], sizeof row_sums);
    double* c = product.c + (row + r) * product.cols + col;
    for (std::size_t j = 0; j < cols; ++j) c[j] = product.add ? c[j] + row_sums[j] : row_sums[j];
  }
}

template <std::size_t width, std::size_t height, std::size_t vectors>
[[gnu::always_inline]] inline void band(const Padded& padded, std::size_t row) {
  const std::size_t cols = padded.product.cols;
  std::size_t col = 0;
  for (; col + (vectors - 1) * width < cols; col += vectors * width)
    tile<width, height, vectors>(padded, row, col, std::min(vectors * width, cols - col));
  for (; col < cols; col += width) tile<width, height, 1>(padded, row, col, std::min(width, cols - col));
}

template <std::size_t width, std::size_t height, std::size_t vectors>
[[gnu::always_inline]] inline void tiles(const Padded& padded) {
  const std::size_t rows = padded.product.rows;
  std::size_t row = 0;
  for (; row + height <= rows; row += height) band<width, height, vectors>(padded, row);
  for (; row < rows; ++row) band<width, 1, vectors>(padded, row);
}

#if defined(__x86_64__)
[[gnu::target("avx512f,avx512dq,avx512vl,avx2,fma")]] void with_avx512(const Padded& padded) { tiles<8, 6, 4>(padded); }
[[gnu::target("avx2,fma")]] void with_avx2(const Padded& padded) { tiles<4, 6, 2>(padded); }
#endif
void portable(const Padded& padded) { tiles<2, 4, 2>(padded); }

struct Path {
  void (*run)(const Padded&);
  std::size_t width;
};

Path choose_path() {
  const char* asked = std::getenv("ATTNSPEC_VECTORS");
  const std::string_view most = asked == nullptr ? "avx512" : asked;
#if defined(__x86_64__)
  const bool avx2 = __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512dq") != 0 &&
                      __builtin_cpu_supports("avx512vl") != 0;
  if (avx512 && most == "avx512") return {with_avx512, 8};
  if (avx2 && most != "portable") return {with_avx2, 4};
#endif
  return {portable, 2};
}

}  // namespace

void narrow_product(const NarrowProduct& product) {
  static const Path path = choose_path();
  const std::size_t whole = (product.cols + path.width - 1) / path.width * path.width;
  if (whole == product.cols) return path.run({product, product.b, product.cols});
  thread_local std::vector<double> copy;
  copy.assign(product.inner * whole, 0.0);
  for (std::size_t i = 0; i < product.inner; ++i)
    std::copy_n(product.b + i * product.cols, product.cols, copy.begin() + static_cast<std::ptrdiff_t>(i * whole));
  path.run({product, copy.data(), whole});
}

}  // namespace attnspec
