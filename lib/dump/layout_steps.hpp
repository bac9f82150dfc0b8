// The steps from a catalog to a layout that every layout shares. Not installed.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/dump/layout.hpp"
#include "lib/dump/layout_attributes.hpp"

namespace attnspec {

/// Throws Error(input): "file: reason".
[[noreturn]] void refuse(const Catalog& catalog, const std::string& reason);

/// A dataset whose axes are the letters of `axes`, in order; Q and K are the last two, in either order.
/// Throws Error(input) for a type, rank or storage that can not be read.
TileSource source_of(const Catalog& catalog, const CatalogEntry& entry, const std::string& axes);
/// The same by path; nothing where there is no such dataset.
std::optional<TileSource> source_at(const Catalog& catalog, const std::string& path, const std::string& axes);

/// "attention [2, 6, 12, 512, 512] float16, shuffle, deflate".
std::string held(const CatalogEntry& entry);

/// Throws Error(input) where a source has other layers or heads than the rest of the dump.
void agree(const Catalog& catalog, const TileSource& source, std::size_t layers, std::size_t heads);

/// What the root attributes and --stage say.
void take_words(const Catalog& catalog, const LayoutAttributes& attributes, const LayoutOptions& options,
                DumpInfo& info);
/// Numbers of layers and heads, and where P comes from.
void take_shape(const Catalog& catalog, const LayoutAttributes& attributes, const SampleSources& sources,
                DumpInfo& info);
/// Scale, softcap and mask of each layer.
void take_rules(const Catalog& catalog, const LayoutAttributes& attributes, const LayoutOptions& options,
                DumpInfo& info);
/// Lengths and offsets of each sample, checked against the tiles.
void take_lengths(const Catalog& catalog, DumpLayout& layout);

/// Matrices that a dump may hold.
inline constexpr double most_matrices = 2e7;

/// Throws Error(usage) for axes that are not letters of S, L, H, each at most once, and then Q and K.
void check_axes(const std::string& axes);

/// All of the above for a dump of attention alone whose sources are there already, one a group.
void finish_foreign(const Catalog& catalog, const LayoutOptions& options, DumpLayout& layout);

}  // namespace attnspec
