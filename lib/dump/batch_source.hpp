// A selection of a dump, cut into batches that several threads read at the same time, each its own.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "lib/core/export.hpp"
#include "lib/core/matrix_batch.hpp"

namespace attnspec {

struct DumpContents;

/// Which matrices to read; each list rises and holds indices that exist. They come sample by sample, then by layer
/// and head.
struct Selection {
  std::vector<std::size_t> samples, layers, heads;

  std::size_t matrices() const { return samples.size() * layers.size() * heads.size(); }
};

/// How a selection is cut into batches and read.
struct Cut {
  std::size_t batch_bytes = std::size_t{32} << 20;  ///< of doubles, at most; one matrix at least
  unsigned readers = 1;                             ///< may ask for batches at the same time
  unsigned threads = 1;                             ///< read a batch together
  std::size_t skip = 0;                             ///< the first matrices of the selection are left out
  bool halves = false;  ///< attention stored in half precision stays in it (BatchNumbers), as many matrices a batch
  bool queries_and_keys = false;  ///< Q and K in place of P, where P is attention by construction and takes more bytes
  bool faults_only = false;       ///< a matrix that nothing is wrong with keeps the Soundness it starts with: quicker
};

/// Batches in order, all matrices of a batch of one shape. A batch and, for each thread that reads it, a matrix's
/// inputs are in memory for each reader.
class ATTNSPEC_API BatchSource {
 public:
  BatchSource(std::shared_ptr<const DumpContents> dump, Selection selection, const Cut& cut);
  BatchSource(BatchSource&&) noexcept;
  BatchSource& operator=(BatchSource&&) noexcept;
  ~BatchSource();

  /// The next batch, read here and now, and its number, from 0, which is known also where reading throws; nothing at
  /// the end. Each thread that asks is another `reader` below Cut::readers.
  std::optional<MatrixBatch> next(unsigned reader, std::size_t& number);

  /// How long threads have waited for the file, in seconds, all of them together.
  double seconds_waited() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace attnspec
