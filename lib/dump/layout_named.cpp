// Many datasets whose names say layer, head and sample.
#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include "lib/core/error.hpp"
#include "lib/dump/layout_steps.hpp"
#include "lib/dump/layouts.hpp"
#include "lib/dump/path_pattern.hpp"

namespace attnspec {
namespace {

struct NamedLayout {
  const char* pattern;
  const char* axes;  ///< of each dataset
  const char* writer;
};

/// A dataset belongs to the first row that its name and rank fit.
constexpr NamedLayout known_layouts[] = {
    {"layer_{L}/batch_{S}/head_{H}", "QK", "attention-saver"},
    {"layer_{L}_head_{H}_{S}", "QK", "a dataset a matrix"},
    {"sample_{S}/attentions", "LHQK", "a group a sample"},
    {"{S}", "LHQK", "contextual-corr-analysis"},
    {"blocks.{L}.attn.hook_pattern", "SHQK", "TransformerLens"},
    {"blocks.{L}.attn.hook_pattern", "HQK", "TransformerLens, without its batch axis"},
    {"layer_{L}/{S*}", "HQK", "a group a layer"},
    {"layer_{L}", "SHQK", "a dataset a layer"},
    {"layer_{L}", "HQK", "a dataset a layer, one sample"},
};

struct Found {
  std::map<char, std::string> values;
  const CatalogEntry* entry;
};

struct NaturalLess {
  bool operator()(const std::string& a, const std::string& b) const { return natural_less(a, b); }
};
using Names = std::map<std::string, std::size_t, NaturalLess>;  ///< 007 and 7 are one name

Names names_of(const std::vector<Found>& found, char letter) {
  Names names;
  for (const Found& one : found)
    if (const auto value = one.values.find(letter); value != one.values.end()) names.emplace(value->second, 0);
  std::size_t at = 0;
  for (auto& [name, index] : names) index = at++;
  return names;
}

std::size_t index_of(const Found& one, char letter, const Names& names) {
  const auto value = one.values.find(letter);
  return value == one.values.end() ? 0 : names.at(value->second);
}

std::size_t count_of(const Names& names) { return std::max<std::size_t>(1, names.size()); }

/// Where names are not 0, 1, 2, ...: which they are.
void note_names(const char* what, const Names& names, DumpInfo& info) {
  const bool as_expected = std::all_of(names.begin(), names.end(),
                                       [](const auto& name) { return name.first == std::to_string(name.second); });
  if (names.empty() || as_expected) return;
  constexpr std::size_t most_shown = 40;
  std::string list;
  for (const auto& [name, index] : names)
    if (index < most_shown) list += (index == 0 ? "" : ", ") + name;
  info.notes.push_back("its " + std::string(what) + " are named " + list + (names.size() > most_shown ? ", ..." : "") +
                       " in the file; results count them from 0");
}

void check_alike(const Catalog& catalog, const CatalogEntry& one, const CatalogEntry& other, bool same_shape) {
  if (one.encoding == other.encoding && (!same_shape || one.shape == other.shape)) return;
  refuse(catalog, held(one) + " and " + held(other) + " are unlike, expected one " +
                      (same_shape ? "shape and type in a sample" : "type in all samples"));
}

/// The datasets of one sample, or of all.
TileSource source_of_parts(const Catalog& catalog, const std::vector<const Found*>& parts, const NamedLayout& row,
                           const Names& layers, const Names& heads) {
  TileSource source = source_of(catalog, *parts.front()->entry, row.axes);
  source.dataset = std::string("/") + row.pattern;
  source.layer_parts = count_of(layers);
  source.head_parts = count_of(heads);
  source.parts.assign(source.layer_parts * source.head_parts, nullptr);
  for (const Found* part : parts) {
    check_alike(catalog, *parts.front()->entry, *part->entry, true);
    source_of(catalog, *part->entry, row.axes);
    const CatalogEntry*& place =
        source.parts[index_of(*part, 'L', layers) * source.head_parts + index_of(*part, 'H', heads)];
    if (place != nullptr)
      refuse(catalog, place->path + " and " + part->entry->path + " name the same matrices, expected each once");
    place = part->entry;
  }
  return source;
}

/// An axis is in the names or in the datasets.
void check_apart(const NamedLayout& row) {
  const PathPattern pattern(row.pattern);
  const std::string_view axes = row.axes;
  for (const char letter : {'S', 'L', 'H'})
    if (pattern.names(letter) && axes.find(letter) != std::string_view::npos)
      throw Error(ErrorKind::usage, "--axes " + std::string(axes) + " for datasets named " + pattern.text() + ": " +
                                        letter + " stands in both; an axis is in the names or in the datasets");
}

DumpLayout layout_of(const Catalog& catalog, const LayoutOptions& options, const NamedLayout& row,
                     const std::vector<Found>& found) {
  check_apart(row);
  const Names layers = names_of(found, 'L'), heads = names_of(found, 'H'), samples = names_of(found, 'S');
  std::vector<std::vector<const Found*>> groups(count_of(samples));
  for (const Found& one : found) groups[index_of(one, 'S', samples)].push_back(&one);
  // Of at most 200,000 datasets there are no more than that of each, so that no product wraps.
  if (static_cast<double>(groups.size() * count_of(layers) * count_of(heads)) > most_matrices)
    refuse(catalog, "names " + std::to_string(groups.size()) + " samples, " + std::to_string(count_of(layers)) +
                        " layers and " + std::to_string(count_of(heads)) + " heads in only " +
                        std::to_string(found.size()) +
                        " datasets; name those to read with --dataset PATTERN --axes ...");
  DumpLayout layout;
  layout.info.layout = std::string(row.pattern) + " " + row.axes + " (" + row.writer + ")";
  for (const auto& group : groups) {
    check_alike(catalog, *found.front().entry, *group.front()->entry, false);
    layout.groups.push_back({source_of_parts(catalog, group, row, layers, heads), {}, {}, {}, {}});
  }
  finish_foreign(catalog, options, layout);
  note_names("layers", layers, layout.info);
  note_names("heads", heads, layout.info);
  if (std::string_view(row.pattern).find("{S*}") == std::string_view::npos) note_names("samples", samples, layout.info);
  return layout;
}

std::string_view without_slash(const std::string& path) { return std::string_view(path).substr(path.starts_with('/')); }

}  // namespace

std::optional<DumpLayout> named_layout(const Catalog& catalog, const LayoutOptions& options) {
  std::vector<PathPattern> patterns;
  for (const NamedLayout& row : known_layouts) patterns.emplace_back(row.pattern);
  std::map<std::size_t, std::vector<Found>> found;  // by row
  for (const CatalogEntry& entry : catalog.datasets)
    for (std::size_t r = 0; r < patterns.size(); ++r) {
      const std::string_view axes = options.axes.empty() ? known_layouts[r].axes : options.axes;
      if (entry.shape.size() != axes.size()) continue;
      if (auto values = patterns[r].match(without_slash(entry.path))) {
        found[r].push_back({std::move(*values), &entry});
        break;
      }
    }
  if (found.empty()) return std::nullopt;
  if (found.size() > 1) {
    std::string readings;
    for (const auto& [r, datasets] : found)
      readings += std::string(readings.empty() ? "" : ", or ") + "--dataset '" + known_layouts[r].pattern +
                  "' --axes " + (options.axes.empty() ? known_layouts[r].axes : options.axes) + " (" +
                  std::to_string(datasets.size()) + " datasets such as " + datasets.front().entry->path + ")";
    refuse(catalog, "can be read in more than one way. Say which: " + readings);
  }
  NamedLayout row = known_layouts[found.begin()->first];
  if (!options.axes.empty()) row = {row.pattern, options.axes.c_str(), "axes as --axes says"};
  return layout_of(catalog, options, row, found.begin()->second);
}

DumpLayout pattern_layout(const Catalog& catalog, const LayoutOptions& options) {
  const PathPattern pattern(options.dataset);
  if (options.axes.empty())
    throw Error(ErrorKind::usage,
                "--dataset " + options.dataset +
                    " needs --axes, a letter for each axis of one of these datasets; for example HQK");
  check_axes(options.axes);
  std::vector<Found> found;
  for (const CatalogEntry& entry : catalog.datasets)
    if (auto values = pattern.match(without_slash(entry.path))) found.push_back({std::move(*values), &entry});
  if (found.empty())
    refuse(catalog, "has no dataset whose path fits " + pattern.text() + ". `attnspec inspect` lists what it holds");
  return layout_of(catalog, options, {pattern.text().c_str(), options.axes.c_str(), "as --dataset says"}, found);
}

}  // namespace attnspec
