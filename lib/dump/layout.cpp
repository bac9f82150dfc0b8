// Which layout a dump has.
#include "lib/dump/layout.hpp"

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

DumpLayout find_layout(const Catalog& catalog, const LayoutOptions& options, IntegerReader& reader) {
  if (options.dataset.empty() && !options.axes.empty()) {
    LayoutOptions named = options;
    named.dataset = "/attention";
    return find_layout(catalog, named, reader);
  }
  const std::string schema = LayoutAttributes(catalog).text("schema", "");
  if (options.dataset.empty() && !schema.empty() && schema != "attnspec-1")
    refuse(catalog, "attribute schema is \"" + schema + "\", expected \"attnspec-1\"; a newer attnspec may read it");
  if (options.dataset.empty() && schema.empty()) refuse_unknown(catalog);
  DumpLayout layout = options.dataset.empty() ? canonical_layout(catalog, options, reader)
                                              : one_dataset_layout(catalog, options, reader);
  for (const CatalogEntry& entry : catalog.datasets) layout.info.holds.push_back(held(entry));
  layout.info.dtype = std::string(name_of(layout.info.stored_type));
  return layout;
}

}  // namespace attnspec
