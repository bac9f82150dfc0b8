// What lies where in an HDF5 file: a plain table of datasets and attributes, checked and bounded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "lib/core/export.hpp"
#include "lib/dump/stored_type.hpp"

namespace attnspec {

struct CatalogEntry {
  std::string path;  ///< "/attention"
  StoredType type = StoredType::other;
  std::string type_name;  ///< as HDF5 has it: "compound", "complex", "float16 big-endian", ...
  bool big_endian = false;
  std::vector<std::size_t> shape;
  std::vector<std::size_t> chunk;  ///< empty where the dataset is contiguous
  std::string filters;             ///< "shuffle, deflate"; empty without
  std::uint64_t stored_bytes = 0;
  bool is_virtual = false;  ///< its shape is then unknown: asking for it would open other files
  std::string
      refusal;  ///< why its values can not be read here (filter, external or virtual storage); empty where they can
};

using AttributeValue = std::variant<std::vector<double>, std::vector<std::string>>;

struct Catalog {
  std::string file;
  std::uint64_t file_bytes = 0;
  std::map<std::string, AttributeValue> attributes;  ///< of the root group; a scalar is a vector of one
  std::vector<CatalogEntry> datasets;                ///< in natural order of their paths: layer_2 before layer_10
  std::vector<std::string> refused_links;            ///< soft and external links, named and never followed

  ATTNSPEC_API const CatalogEntry* find(std::string_view path) const;
};

/// Reads the table of contents and no values. Groups deeper than 8 levels and more than 200,000 objects are refused.
/// Throws Error(input) for a file that is missing, empty, not HDF5, truncated or never closed by its writer.
ATTNSPEC_API Catalog read_catalog(const std::string& file);

/// "[2, 6, 12, 512, 512]", for messages.
ATTNSPEC_API std::string shape_text(const std::vector<std::size_t>& shape);

}  // namespace attnspec
