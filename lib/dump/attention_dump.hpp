// The door to a dump: open it, ask what it holds, read a selection as batches with the next one read ahead.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/core/export.hpp"
#include "lib/core/matrix_batch.hpp"
#include "lib/dump/head_reader.hpp"
#include "lib/dump/layout.hpp"

namespace attnspec {

struct DumpContents;

/// Which matrices to read; each list rises and holds indices that exist. They come sample by sample, then by layer
/// and head.
struct Selection {
  std::vector<std::size_t> samples, layers, heads;

  std::size_t matrices() const { return samples.size() * layers.size() * heads.size(); }
};

/// What a batch holds where a dump has Q and K and no P.
enum class HeadsAs {
  attention,       ///< P, made by the reader
  query_key_heads  ///< Q and K wherever P would be attention by construction and takes more bytes; else P
};

/// Batches of one selection, the next one read ahead.
class ATTNSPEC_API BatchReader {
 public:
  BatchReader(BatchReader&&) noexcept;
  BatchReader& operator=(BatchReader&&) noexcept;
  ~BatchReader();

  /// The next batch in order, all of one shape; nothing at the end. Throws what the reading thread met.
  std::optional<MatrixBatch> next();

  /// How long next() has waited for input, in seconds.
  double seconds_waited() const;

 private:
  friend class AttentionDump;
  struct Shared;
  explicit BatchReader(std::unique_ptr<Shared> shared);
  std::unique_ptr<Shared> shared_;
};

class ATTNSPEC_API AttentionDump {
 public:
  /// Reads the table of contents. Throws Error(input) where the file is no dump.
  explicit AttentionDump(const std::string& file, const LayoutOptions& options = {});
  ~AttentionDump();
  AttentionDump(AttentionDump&&) noexcept;
  AttentionDump& operator=(AttentionDump&&) noexcept;

  const DumpInfo& info() const;
  Selection everything() const;

  /// Batches of at most `batch_bytes` bytes of doubles each, and at least one matrix. Up to three batches and a
  /// matrix's inputs for each of `threads` are in memory at once. The first `skip` matrices of the selection are left
  /// out.
  BatchReader read(Selection selection, std::size_t batch_bytes, unsigned threads = 1, std::size_t skip = 0,
                   HeadsAs heads_as = HeadsAs::attention) const;

  /// Heads one by one, with all that the dump holds of them. One thread at a time may use it.
  HeadReader read_heads() const;

 private:
  std::shared_ptr<const DumpContents> contents_;
};

}  // namespace attnspec
