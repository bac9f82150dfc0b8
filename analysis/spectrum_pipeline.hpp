// Batches from the file through the backend, several on their way at once. Not installed.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "lib/backend/backend.hpp"
#include "lib/core/export.hpp"
#include "lib/dump/batch_source.hpp"

namespace attnspec {

/// A batch with its spectra, and without its entries.
struct ComputedBatch {
  MatrixBatch batch;
  std::vector<Spectrum> spectra;
};

/// Each of `callers` threads reads a batch, has it computed, and takes the next: none waits for another, and what is
/// read is computed while it is in cache. With `spare` the last one rests until the others wait for the
/// file. Batches come out in order.
class ATTNSPEC_API SpectrumPipeline {
 public:
  /// Source and backend outlive it.
  SpectrumPipeline(BatchSource& source, Backend& backend, unsigned callers, bool spare);
  /// Batches that are on their way are computed to their end.
  ~SpectrumPipeline();

  /// The next batch; nothing at the end. Throws what was met on its way.
  std::optional<ComputedBatch> next();

 private:
  struct Shared;
  std::unique_ptr<Shared> shared_;
};

}  // namespace attnspec
