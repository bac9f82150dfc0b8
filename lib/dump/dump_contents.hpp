// An open dump: its bytes, what lies where in them, and what that means. Not installed.
#pragma once

#include <string>

#include "lib/dump/catalog.hpp"
#include "lib/dump/dump_file.hpp"
#include "lib/dump/layout.hpp"

namespace attnspec {

/// Stays where it is: the layout points into the catalog.
struct DumpContents {
  DumpContents(const std::string& path, const LayoutOptions& options)
      : file(path), catalog(read_catalog(file)), layout(find_layout(catalog, options)) {}
  DumpContents(const DumpContents&) = delete;
  DumpContents& operator=(const DumpContents&) = delete;

  DumpFile file;
  Catalog catalog;
  DumpLayout layout;
};

}  // namespace attnspec
