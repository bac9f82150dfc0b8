// The layouts that attnspec knows, a file each. Not installed.
#pragma once

#include <optional>

#include "lib/dump/layout.hpp"

namespace attnspec {

/// For dumps with attribute schema="attnspec-1".
DumpLayout canonical_layout(const Catalog& catalog, const LayoutOptions& options);

/// For dumps of many datasets whose names say layer, head and sample: the first row of a table of patterns that fits;
/// nothing where none does. Throws Error(input) where datasets of unlike patterns are there.
std::optional<DumpLayout> named_layout(const Catalog& catalog, const LayoutOptions& options);

/// For --dataset with a pattern such as "layer_{L}/head_{H}", and --axes of each dataset.
DumpLayout pattern_layout(const Catalog& catalog, const LayoutOptions& options);

/// For --dataset and --axes.
DumpLayout one_dataset_layout(const Catalog& catalog, const LayoutOptions& options);

/// For dumps with one dataset that looks like attention; nothing where there is none or where there are several.
/// Throws Error(input) where its axes can be read in more than one way.
std::optional<DumpLayout> sole_dataset_layout(const Catalog& catalog, const LayoutOptions& options);

}  // namespace attnspec
