// What a card is asked to compute: each struct is one piece of work on numbers that lie there.
#pragma once

#include <cstddef>

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

/// How eigenvalues of many symmetric matrices are found.
enum class GpuEigenRoute {
  together,  ///< one call for all of them
  apart      ///< one call each, on several streams
};

}  // namespace attnspec
