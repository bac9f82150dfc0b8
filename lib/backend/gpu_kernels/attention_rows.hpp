// One query's row of P = softmax(mask(softcap(scale Q K^T) + bias)), as lib/dump/attention makes it on the host.
#pragma once

#include <cmath>
#include <cstddef>

#include "lib/backend/gpu_jobs.hpp"
#include "lib/backend/gpu_kernels/block.hpp"

namespace attnspec::gpu_kernels {

/// A block a row of all heads' rows: its scores become P.
struct AttentionRows {
  GpuAttention job;

  static constexpr unsigned threads = 128;
  std::size_t blocks() const { return job.heads * job.queries; }
  static constexpr std::size_t memory_numbers() { return 4 * threads; }

  template <class Block>
  ATTNSPEC_KERNEL void operator()(Block& block, std::size_t row, double* memory) const {
    const std::size_t head = row / job.queries, query = row % job.queries, keys = job.keys;
    const GpuScoreRule rule = job.rules[head];
    double* entries = job.attention + row * keys;
    const double* bias = job.biases == nullptr ? nullptr : job.biases + row * keys;
    const double* key_norms = job.key_norms + head * keys;
    const std::size_t last = rule.causal && query + 1 < keys ? query + 1 : keys;
    const std::size_t left = rule.window > 0 && query >= rule.window ? query + 1 - rule.window : 0;
    const std::size_t first = left < last ? left : last;
    double *largest = memory, *sums = largest + threads, *squares = sums + threads, *moved = squares + threads;

    block.each([&](std::size_t thread) {
      double highest = -HUGE_VAL;
      for (std::size_t j = first + thread; j < last; j += threads) {
        double score = entries[j] * rule.scale;
        if (rule.softcap > 0) score = rule.softcap * std::tanh(score / rule.softcap);
        if (bias != nullptr) score += bias[j];
        entries[j] = score;
        highest = score > highest ? score : highest;
      }
      largest[thread] = highest;
    });
    fold_to_first(block, largest, threads, Largest());
    block.each([&](std::size_t thread) {
      double sum = 0;
      for (std::size_t j = thread; j < keys; j += threads) {
        entries[j] = j < first || j >= last ? 0 : std::exp(entries[j] - largest[0]);
        sum += entries[j];
      }
      sums[thread] = sum;
    });
    fold_to_first(block, sums, threads, Sum());
    block.each([&](std::size_t thread) {
      double square = 0, weighted = 0;
      for (std::size_t j = thread; j < keys; j += threads) {
        const double entry = entries[j] /= sums[0];
        square += entry * entry;
        weighted += entry * entry * key_norms[j];
      }
      squares[thread] = square;
      moved[thread] = weighted;
    });
    fold_to_first(block, squares, threads, Sum());
    fold_to_first(block, moved, threads, Sum());
    block.each([&](std::size_t thread) {
      if (thread > 0) return;
      job.row_squares[row] = squares[0];
      job.row_moved[row] = moved[0];
    });
  }
};

}  // namespace attnspec::gpu_kernels
