// All that a dump holds of one head: P, and Q, K, V and the bias where they are there.
#pragma once

#include <memory>
#include <optional>

#include "lib/core/export.hpp"
#include "lib/core/matrix.hpp"
#include "lib/core/matrix_batch.hpp"
#include "lib/dump/layout.hpp"

namespace attnspec {

struct DumpContents;

struct HeadInputs {
  MatrixBatch attention;             ///< P alone, [n_q, n_k], with its soundness
  std::optional<Matrix> query, key;  ///< [n_q, d] and [n_k, d] of this head's kv head
  std::optional<Matrix> value;       ///< [n_k, d_v]
  std::optional<Matrix> bias;        ///< [n_q, n_k]
};

class ATTNSPEC_API HeadReader {
 public:
  explicit HeadReader(std::shared_ptr<const DumpContents> dump);
  HeadReader(HeadReader&&) noexcept;
  ~HeadReader();

  /// Throws Error(input) where the file can not be read.
  HeadInputs read(const MatrixId& id);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace attnspec
