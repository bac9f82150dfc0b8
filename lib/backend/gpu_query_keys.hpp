// P of queries and keys, made on the card: only they, and their biases, cross the bus.
#pragma once

#include <cstddef>
#include <vector>

#include "lib/backend/gpu_device.hpp"
#include "lib/backend/gpu_upload.hpp"
#include "lib/core/matrix_shape.hpp"
#include "lib/core/query_key_heads.hpp"

namespace attnspec {

/// What heads must have in common to be made together.
struct QueryKeyKind {
  MatrixShape shape;
  std::size_t rank = 0;  ///< 0: matrices come as they are
  bool biased = false;

  bool operator==(const QueryKeyKind&) const = default;
};

class GpuQueryKeys {
 public:
  GpuQueryKeys() = default;
  /// For at most `count` heads a time, whole calls of them. Empty where there is no room: check with bool.
  GpuQueryKeys(GpuDevice& device, const QueryKeyKind& kind, std::size_t count);

  explicit operator bool() const;
  /// What it takes of the card's memory.
  static std::size_t bytes_on_card(const QueryKeyKind& kind, std::size_t count);

  /// Queues the making of P of heads [first, first + count) into `attention`, back to back. Products and softmax are in
  /// fp64, as on the host: numbers of two bytes multiply exactly there, and n^2 d products are little beside the Gram
  /// matrix's n^3. The product is made in calls of `a_call`; what is left in `attention` behind P is of no interest.
  void start(GpuDevice& device, unsigned stream, unsigned threads, const QueryKeyHeads& heads, std::size_t first,
             std::size_t count, std::size_t a_call, double* attention);

  /// After the stream was waited for. |P|_F^2 of the i-th of them, in the numbers that the card made.
  double squares(std::size_t i) const;
  /// As attention_from_query_key (lib/dump/attention.hpp) estimates it.
  double storage_error(std::size_t i) const;

 private:
  QueryKeyKind kind_;
  GpuUpload upload_;
  GpuMemory<double> numbers_;  ///< queries, keys, biases, widened
  GpuMemory<double> key_norms_, key_norms_on_host_;
  GpuMemory<double> row_facts_, row_facts_on_host_;  ///< sums of squares of P's rows, and what storage moved
  GpuMemory<GpuScoreRule> rules_, rules_on_host_;
  std::vector<double> query_norms_;
  double input_roundoff_ = 0;
  std::size_t count_ = 0;
};

}  // namespace attnspec
