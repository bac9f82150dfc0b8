// Reading ahead: one thread fills the next batch while the caller works on this one.
#pragma once

#include <memory>
#include <optional>

#include "lib/core/export.hpp"
#include "lib/dump/batch_source.hpp"

namespace attnspec {

/// Batches of one selection, the next one read ahead.
class ATTNSPEC_API BatchReader {
 public:
  explicit BatchReader(BatchSource source);
  BatchReader(BatchReader&&) noexcept;
  BatchReader& operator=(BatchReader&&) noexcept;
  ~BatchReader();

  /// The next batch in order, all of one shape; nothing at the end. Throws what the reading thread met.
  std::optional<MatrixBatch> next();

  /// How long next() has waited for input, in seconds.
  double seconds_waited() const;

 private:
  struct Shared;
  std::unique_ptr<Shared> shared_;
};

}  // namespace attnspec
