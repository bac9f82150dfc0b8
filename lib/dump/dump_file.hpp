// A dump's bytes: one open file, read by place from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "lib/core/export.hpp"

namespace attnspec {

class ATTNSPEC_API DumpFile {
 public:
  /// Throws Error(input) for what is missing, empty, no regular file, no HDF5 file by its first bytes, or not
  /// closed by its writer.
  explicit DumpFile(std::string path);
  ~DumpFile();
  DumpFile(const DumpFile&) = delete;
  DumpFile& operator=(const DumpFile&) = delete;

  const std::string& path() const { return path_; }
  std::uint64_t bytes() const { return bytes_; }
  int descriptor() const { return descriptor_; }

  /// Fills `out` from `offset` on. `what` names the reader in the Error(input) that a file cut off since, or an
  /// unreadable disk, throws.
  void read(std::uint64_t offset, std::span<std::byte> out, const std::string& what) const;

 private:
  void check_first_bytes() const;

  std::string path_;
  int descriptor_ = -1;
  std::uint64_t bytes_ = 0;
};

}  // namespace attnspec
