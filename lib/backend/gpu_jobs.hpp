// What a card is asked to compute: each struct is one piece of work on numbers that lie there.
#pragma once

#include <cstddef>

#include "lib/backend/gpu_kernels/block.hpp"

namespace attnspec {

/// A number as it crosses the bus.
enum class GpuNumber { float64, float32, float16, bfloat16 };

/// `count` matrices on the card, `step` numbers apart, row-major with rows `stride` numbers apart.
struct GpuMatrices {
  const double* start = nullptr;
  std::size_t stride = 0, step = 0;
  bool transposed = false;
};

/// result = a b + keep * result, for each of `count` pairs; [rows, inner] [inner, cols].
struct GpuProduct {
  std::size_t rows = 0, cols = 0, inner = 0, count = 1;
  GpuMatrices a, b;
  double* result = nullptr;
  std::size_t stride = 0, step = 0;
  double factor = 1, keep = 0;
};

/// How scores become attention.
struct GpuScoreRule {
  double scale = 1, softcap = 0;  ///< softcap 0: none
  std::size_t window = 0;         ///< 0: all keys before
  bool causal = false;
};

/// `attention` holds Q K^T of heads that lie one after another, and shall hold P. Every query sees a key.
struct GpuAttention {
  std::size_t heads = 0, queries = 0, keys = 0;
  const GpuScoreRule* rules = nullptr;  ///< [heads]
  const double* biases = nullptr;       ///< [heads, queries, keys], added before the mask; null: none
  const double* key_norms = nullptr;    ///< [heads, keys]: |k_j|^2
  double* attention = nullptr;          ///< [heads, queries, keys]
  double* row_squares = nullptr;        ///< [heads, queries]: sum_j p_ij^2
  double* row_moved = nullptr;          ///< [heads, queries]: sum_j p_ij^2 |k_j|^2
};

/// The error of one construction on `heads` heads that lie one after another: weight_i * output_ij - target_ij, and
/// the squared norms of its columns, and of its rows over each group of columns.
struct GpuResidual {
  std::size_t heads = 0, queries = 0, width = 0, groups = 0;
  const double* outputs = nullptr;             ///< [heads, queries, width]; null: zeros
  const double* targets = nullptr;             ///< [heads, queries, width]
  const std::size_t* group_ends = nullptr;     ///< [groups], on the card: groups lie side by side, without gaps
  double factor = 1;                           ///< of every weight
  const double* sums = nullptr;                ///< [heads, queries]: weights are divided by it; null: by 1
  const double* shifts = nullptr;              ///< [heads, queries]: weights are times exp(shift - log_sum); null: 1
  const double* log_sums = nullptr;            ///< [heads, queries]
  double* errors = nullptr;                    ///< [heads, queries, width]
  double *columns = nullptr, *rows = nullptr;  ///< [heads, width] and [heads, groups, queries]
};

/// From one column of a band to the next: the column from its diagonal on, where it may grow to twice the width while
/// bulges are chased, and two numbers more, so that threads that go down a column or along a row find a block's memory
/// in as many banks.
ATTNSPEC_KERNEL constexpr std::size_t band_step(std::size_t width) { return 2 * width + 2; }

/// Rows and columns of a matrix that one block of threads sweeps at a time.
ATTNSPEC_KERNEL constexpr std::size_t sweep_tile() { return 64; }

/// A step of the way from `count` symmetric matrices to bands: `width` columns from `column` on. V, Y and X of a matrix
/// are rows of n numbers, of which the first belongs to row first_row() of the matrix; from one matrix to the next it
/// is rows_step() numbers.
struct GpuPanel {
  std::size_t count = 0, n = 0, width = 0, column = 0;  ///< width divides 256
  const double* matrices = nullptr;                     ///< [count, n, n]: their lower halves count
  const double *last_v = nullptr, *last_x = nullptr;    ///< of the step before, where `matrices` wait for them; or null
  double* left = nullptr;                               ///< [count, n, n]: what is left of them then
  double *v = nullptr, *y = nullptr;                    ///< V, and Y^T = V^T A of what is left
  double* x = nullptr;                                  ///< X, which may lie where Y lay
  double* t = nullptr;                                  ///< [count, width, width]: T
  double* s = nullptr;                                  ///< [count, all strips, width, width]: parts of S = Y^T V
  double* band = nullptr;                               ///< [count, n, band_step(width)]: the lower half by columns

  ATTNSPEC_KERNEL std::size_t first_row() const { return column + width; }
  ATTNSPEC_KERNEL std::size_t rows_below() const { return n > first_row() ? n - first_row() : 0; }
  ATTNSPEC_KERNEL std::size_t rows_step() const { return 4 * width * n; }
  ATTNSPEC_KERNEL std::size_t all_strips() const { return (n + sweep_tile() - 1) / sweep_tile(); }
  ATTNSPEC_KERNEL std::size_t first_strip() const { return first_row() / sweep_tile(); }
  /// Of rows that are left.
  ATTNSPEC_KERNEL std::size_t strips() const { return rows_below() > 0 ? all_strips() - first_strip() : 0; }
};

/// `count` bands to tridiagonal matrices.
struct GpuChase {
  std::size_t count = 0, n = 0, width = 0;
  double* band = nullptr;                                 ///< as GpuPanel leaves it, and zeros where bulges go; lost
  double *diagonals = nullptr, *off_diagonals = nullptr;  ///< [count, n]
  bool band_in_memory = false;                            ///< a block's own memory holds a band

  /// A step's first row is at most n - 1, and sweeps are two steps apart.
  ATTNSPEC_KERNEL std::size_t sweeps_at_once() const { return n < 3 ? 1 : (n - 2) / (2 * width) + 1; }
};

/// Eigenvalues of `count` symmetric tridiagonal matrices, rising; info 1 where they hold NaN or Inf.
struct GpuTridiagonals {
  std::size_t count = 0, n = 0;
  const double *diagonals = nullptr, *off_diagonals = nullptr;  ///< [count, n]; the last off-diagonal is 0
  double* values = nullptr;                                     ///< [count, n]
  int* info = nullptr;                                          ///< [count]
};

/// How eigenvalues of many symmetric matrices are found. The first two are cuSOLVER's.
enum class GpuEigenRoute {
  together,  ///< one call for all of them
  apart,     ///< one call each, on several streams
  two_stage  ///< to bands, to tridiagonal matrices and to eigenvalues by our own kernels
};

}  // namespace attnspec
