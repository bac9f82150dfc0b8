// One attention head with everything that a trial asks of it, and what a trial answers.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "lib/core/export.hpp"
#include "lib/core/matrix.hpp"
#include "lib/core/matrix_batch.hpp"

namespace attnspec {

/// A, the logits: A = query key^T, or `query` itself where `key` is empty.
struct Logits {
  Matrix query;                 ///< [n_q, r], scaled; or A [n_q, n_k]
  Matrix key;                   ///< [n_k, r]; or empty
  std::vector<double> log_sum;  ///< ln sum_j exp(A_ij), one a row
};

/// Columns [first, last) of Head::columns that are judged together.
struct ColumnRange {
  std::size_t first = 0, last = 0;

  std::size_t size() const { return last - first; }
};

struct Head {
  MatrixId id;
  Matrix attention;                 ///< P [n_q, n_k]
  Matrix columns;                   ///< V [n_k, d]
  std::vector<ColumnRange> groups;  ///< of the columns, in order, without gaps
  Matrix target;                    ///< P V [n_q, d]
  std::optional<Logits> logits;     ///< needed by the softmax and exponential forms where e_factor is not 0
};

/// The error of one construction on one head in one trial. In the exponential form row i is in units of
/// sum_j exp(A_ij), so that it never overflows: exp(A) V is then P V as well.
struct OutputError {
  std::span<const double> columns;  ///< squared norm of each column, d of them
  std::span<const double> rows;     ///< squared norm of each row over each group's columns: groups x n_q
  std::span<const double> cells;    ///< the error itself, n_q x d
};

/// Takes errors as they come.
class ATTNSPEC_API ErrorSink {
 public:
  virtual ~ErrorSink();
  /// From any of the backend's threads, once for each (trial, head, construction), indices into the call's lists.
  virtual void take(std::size_t trial, std::size_t head, std::size_t construction, const OutputError& error) = 0;
};

}  // namespace attnspec
