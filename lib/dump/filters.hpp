// HDF5's filters, undone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "lib/core/export.hpp"
#include "lib/dump/catalog.hpp"

namespace attnspec {

/// Turns a chunk's bytes as they lie in the file, in `stored`, into its numbers' bytes, `entry.chunk_bytes()` of them,
/// which are in `stored` afterwards; `other` is scratch memory. From any thread.
/// Returns what is wrong with the bytes ("its fletcher32 checksum is wrong"); nothing where all is well.
ATTNSPEC_API std::string undo_filters(const CatalogEntry& entry, std::uint64_t skipped_filters,
                                      std::vector<std::byte>& stored, std::vector<std::byte>& other);

/// The sum that HDF5 puts behind a chunk.
ATTNSPEC_API std::uint32_t fletcher32(std::span<const std::byte> bytes);

}  // namespace attnspec
