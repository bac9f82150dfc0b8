// What a trial computes between its products: exponentials of scores, and the norms of an error. Sums run in an order
// that the shape alone decides, so that the same card gives the same bits again.
#pragma once

#include <cmath>
#include <cstddef>

#include "lib/backend/gpu_jobs.hpp"
#include "lib/backend/gpu_kernels/block.hpp"

namespace attnspec::gpu_kernels {

/// A block a row of k > 0 scores, which become exp(score - largest).
struct ExponentialRows {
  std::size_t rows, k;
  double *scores, *largest, *sums;

  static constexpr unsigned threads = 128;
  std::size_t blocks() const { return rows; }
  static constexpr std::size_t memory_numbers() { return 2 * threads; }

  template <class Block>
  ATTNSPEC_KERNEL void operator()(Block& block, std::size_t row, double* memory) const {
    double *entries = scores + row * k, *highest = memory, *partial = memory + threads;
    block.each([&](std::size_t thread) {
      highest[thread] = -HUGE_VAL;
      for (std::size_t j = thread; j < k; j += threads) highest[thread] = Largest()(highest[thread], entries[j]);
    });
    fold_to_first(block, highest, threads, Largest());
    block.each([&](std::size_t thread) {
      partial[thread] = 0;
      for (std::size_t j = thread; j < k; j += threads)
        partial[thread] += entries[j] = std::exp(entries[j] - highest[0]);
    });
    fold_to_first(block, partial, threads, Sum());
    block.each([&](std::size_t thread) {
      if (thread > 0) return;
      largest[row] = highest[0];
      sums[row] = partial[0];
    });
  }
};

/// A block a row of a head: errors, and their squared norm over each group of columns.
struct ResidualRows {
  GpuResidual job;

  static constexpr unsigned threads = 128;
  std::size_t blocks() const { return job.heads * job.queries; }
  static constexpr std::size_t memory_numbers() { return 0; }

  template <class Block>
  ATTNSPEC_KERNEL void operator()(Block& block, std::size_t row, double*) const {
    const std::size_t head = row / job.queries, query = row % job.queries;
    double weight = job.factor;
    if (job.sums != nullptr) weight /= job.sums[row];
    if (job.shifts != nullptr) weight *= std::exp(job.shifts[row] - job.log_sums[row]);
    double* errors = job.errors + row * job.width;
    block.each([&](std::size_t thread) {
      for (std::size_t j = thread; j < job.width; j += threads) {
        const double output = job.outputs == nullptr ? 0 : weight * job.outputs[row * job.width + j];
        errors[j] = output - job.targets[row * job.width + j];
      }
    });
    block.each([&](std::size_t thread) {
      for (std::size_t group = thread; group < job.groups; group += threads) {
        double sum = 0;
        for (std::size_t j = group == 0 ? 0 : job.group_ends[group - 1]; j < job.group_ends[group]; ++j)
          sum += errors[j] * errors[j];
        job.rows[(head * job.groups + group) * job.queries + query] = sum;
      }
    });
  }
};

/// A block for some columns of a head, after ResidualRows: their squared norms.
struct ResidualColumns {
  GpuResidual job;

  static constexpr std::size_t tile = 32, parts = 8;  ///< columns of a block, and threads that share one
  static constexpr unsigned threads = tile * parts;
  ATTNSPEC_KERNEL std::size_t tiles() const { return (job.width + tile - 1) / tile; }
  std::size_t blocks() const { return job.heads * tiles(); }
  static constexpr std::size_t memory_numbers() { return threads; }

  template <class Block>
  ATTNSPEC_KERNEL void operator()(Block& block, std::size_t index, double* memory) const {
    const std::size_t head = index / tiles(), first = index % tiles() * tile;
    const double* errors = job.errors + head * job.queries * job.width;
    block.each([&](std::size_t thread) {
      const std::size_t column = first + thread % tile;
      double sum = 0;
      if (column < job.width)
        for (std::size_t i = thread / tile; i < job.queries; i += parts) {
          const double error = errors[i * job.width + column];
          sum += error * error;
        }
      memory[thread] = sum;
    });
    block.each([&](std::size_t thread) {
      const std::size_t column = first + thread;
      if (thread >= tile || column >= job.width) return;
      double sum = 0;
      for (std::size_t part = 0; part < parts; ++part) sum += memory[part * tile + thread];
      job.columns[head * job.width + column] = sum;
    });
  }
};

}  // namespace attnspec::gpu_kernels
