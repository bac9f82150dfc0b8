// Which layout a dump has.
#include "lib/dump/layout.hpp"

#include <algorithm>
#include <utility>

#include "lib/core/error.hpp"
#include "lib/dump/layout_steps.hpp"
#include "lib/dump/layouts.hpp"

namespace attnspec {
namespace {

[[noreturn]] void refuse_unknown(const Catalog& catalog) {
  std::string found;
  for (std::size_t i = 0; i < catalog.datasets.size() && i < 5; ++i)
    found += (i == 0 ? "" : "; ") + held(catalog.datasets[i]);
  if (catalog.datasets.size() > 5) found += "; and " + std::to_string(catalog.datasets.size() - 5) + " more";
  refuse(catalog,
         "no attention found in it. It holds " + (found.empty() ? "no dataset at all" : found) +
             ". Expected attribute schema=\"attnspec-1\" with /attention, or /query and /key (docs/dump-format.md); "
             "or name the dataset and its axes: --dataset PATH --axes SLHQK");
}

}  // namespace

std::size_t TileSource::chunk_bytes() const {
  std::size_t most = 0;
  for (const CatalogEntry* part : parts)
    if (part != nullptr) most = std::max(most, part->chunk_bytes());
  return most;
}

DumpLayout find_layout(const Catalog& catalog, const LayoutOptions& options) {
  const auto find = [&]() -> DumpLayout {
    if (options.dataset.find('{') != std::string::npos) return pattern_layout(catalog, options);
    if (!options.dataset.empty()) return one_dataset_layout(catalog, options);
    if (!options.axes.empty()) check_axes(options.axes);
    const std::string schema = LayoutAttributes(catalog).text("schema", "");
    if (!options.axes.empty() && catalog.find("/attention") != nullptr) {
      LayoutOptions named = options;
      named.dataset = "/attention";
      return one_dataset_layout(catalog, named);
    }
    if (!schema.empty() && schema != "attnspec-1")
      refuse(catalog, "attribute schema is \"" + schema + "\", expected \"attnspec-1\"; a newer attnspec may read it");
    if (!schema.empty() && !options.axes.empty())
      throw Error(ErrorKind::usage,
                  "--axes " + options.axes + ": " + catalog.file +
                      " has no /attention whose axes these could be; name the dataset with --dataset");
    if (!schema.empty()) return canonical_layout(catalog, options);
    if (auto layout = named_layout(catalog, options)) return std::move(*layout);
    if (auto layout = sole_dataset_layout(catalog, options)) return std::move(*layout);
    refuse_unknown(catalog);
  };
  DumpLayout layout = find();
  for (const CatalogEntry& entry : catalog.datasets) layout.info.holds.push_back(held(entry));
  layout.info.dtype = std::string(name_of(layout.info.encoding.type));
  return layout;
}

}  // namespace attnspec
