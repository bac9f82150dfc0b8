// The door to a dump: open it, ask what it holds, read a selection in batches.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/core/export.hpp"
#include "lib/dump/batch_source.hpp"
#include "lib/dump/head_reader.hpp"
#include "lib/dump/layout.hpp"

namespace attnspec {

class ATTNSPEC_API AttentionDump {
 public:
  /// Reads the table of contents. Throws Error(input) where the file is no dump.
  explicit AttentionDump(const std::string& file, const LayoutOptions& options = {});
  ~AttentionDump();
  AttentionDump(AttentionDump&&) noexcept;
  AttentionDump& operator=(AttentionDump&&) noexcept;

  const DumpInfo& info() const;
  Selection everything() const;

  BatchSource batches(Selection selection, const Cut& cut) const;

  /// Heads one by one, with all that the dump holds of them. One thread at a time may use it.
  HeadReader read_heads() const;

 private:
  std::shared_ptr<const DumpContents> contents_;
};

}  // namespace attnspec
