// What lies where in an HDF5 file: a plain table of datasets, their chunks and attributes, checked and bounded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "lib/core/export.hpp"
#include "lib/dump/dump_file.hpp"
#include "lib/dump/stored_type.hpp"

namespace attnspec {

/// What was done to a chunk's bytes when it was written, in that order.
enum class Filter : std::uint8_t { shuffle, deflate, fletcher32, lzf };

/// Groups and datasets that a file may hold.
inline constexpr std::size_t most_objects = 200'000;

/// The place of bytes that were never written: they read as the fill value.
inline constexpr std::uint64_t never_written = UINT64_MAX;

/// Where one chunk lies in the file.
struct ChunkPlace {
  std::uint64_t offset = never_written, bytes = 0;
  std::uint64_t skipped_filters = 0;  ///< bit i: filter i of the pipeline was left out for this chunk
};

using AttributeValue = std::variant<std::vector<double>, std::vector<std::string>>;
using Attributes = std::map<std::string, AttributeValue>;  ///< a scalar is a vector of one

struct CatalogEntry {
  std::string path;  ///< "/attention"
  Encoding encoding;
  std::string type_name;  ///< as HDF5 has it: "compound", "complex", "float16 big-endian", ...
  std::vector<std::size_t> shape;
  std::vector<std::size_t> chunk;     ///< its sides; empty where the dataset is contiguous
  std::vector<Filter> pipeline;       ///< of chunks
  std::string filters;                ///< "shuffle, deflate"; empty without
  std::uint64_t offset = 0;           ///< of the numbers of a contiguous dataset; or never_written
  std::vector<ChunkPlace> chunks;     ///< of the whole grid, row-major
  std::vector<std::byte> inlined;     ///< numbers that lie among the metadata (a compact dataset)
  std::vector<std::byte> fill;        ///< one number as stored: what was never written reads as this
  std::vector<std::int64_t> numbers;  ///< of a dataset of integers with at most one axis, such as /lengths
  Attributes attributes;
  std::string refusal;  ///< why its values can not be read here (filter, external storage); empty where they can

  std::size_t chunk_bytes() const;  ///< uncompressed bytes of one chunk; 0 where contiguous
};

struct Catalog {
  std::string file;
  std::uint64_t file_bytes = 0;
  Attributes attributes;                   ///< of the root group
  std::vector<CatalogEntry> datasets;      ///< in natural order of their paths: layer_2 before layer_10
  std::vector<std::string> refused_links;  ///< soft and external links, named and never followed

  ATTNSPEC_API const CatalogEntry* find(std::string_view path) const;
};

/// Reads the table of contents and no values but small integers. HDF5 reads it in a process of its own, with limits on
/// memory and time, which sees nothing but this file; what comes back is checked against the file's size.
/// Groups deeper than 8 levels, more than 200,000 objects and chunks above 1 GiB are refused.
/// Throws Error(input) for a file that is truncated, damaged, or that HDF5 dies on; Error(unsupported) where that
/// process can not be started.
ATTNSPEC_API Catalog read_catalog(const DumpFile& file);

/// How many chunks of `side` an axis of `length` takes.
inline std::size_t chunks_along(std::size_t length, std::size_t side) { return length / side + (length % side != 0); }

/// "[2, 6, 12, 512, 512]", for messages.
ATTNSPEC_API std::string shape_text(const std::vector<std::size_t>& shape);

/// Numbers inside names compare as numbers: layer_2 before layer_10.
ATTNSPEC_API bool natural_less(std::string_view a, std::string_view b);

}  // namespace attnspec
