// The layouts that attnspec knows, a file each. Not installed.
#pragma once

#include "lib/dump/layout.hpp"

namespace attnspec {

/// For dumps with attribute schema="attnspec-1".
DumpLayout canonical_layout(const Catalog& catalog, const LayoutOptions& options, IntegerReader& reader);

/// For --dataset and --axes.
DumpLayout one_dataset_layout(const Catalog& catalog, const LayoutOptions& options, IntegerReader& reader);

}  // namespace attnspec
