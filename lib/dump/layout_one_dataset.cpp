// Any one dataset, with its axes named by the user.
#include "lib/dump/layouts.hpp"

#include <algorithm>
#include <set>

#include "lib/core/error.hpp"
#include "lib/dump/layout_steps.hpp"

namespace attnspec {

DumpLayout one_dataset_layout(const Catalog& catalog, const LayoutOptions& options, IntegerReader& reader) {
  const std::string path = options.dataset.starts_with('/') ? options.dataset : "/" + options.dataset;
  const CatalogEntry* entry = catalog.find(path);
  if (entry == nullptr) refuse(catalog, "has no dataset " + path + ". `attnspec inspect` lists what it holds");
  std::string axes = options.axes;
  if (axes.empty() && entry->shape.size() == 2) axes = "QK";
  if (axes.empty())
    refuse(catalog, path + " " + shape_text(entry->shape) +
                        ": the order of its axes is not known; say it: --axes SLHQK, " +
                        "or --axes LSHQK (np.stack of the Hugging Face tuple); one letter an axis");
  const std::set<char> letters(axes.begin(), axes.end());
  const bool known =
      std::all_of(axes.begin(), axes.end(), [](char c) { return std::string("SLHQK").find(c) != std::string::npos; });
  if (!known || letters.size() != axes.size() || !axes.ends_with("QK"))
    throw Error(ErrorKind::usage, "--axes " + axes +
                                      ": expected letters of S, L, H, each at most once, and then QK "
                                      "(attention is stored with queries as rows); for example --axes LSHQK");
  const LayoutAttributes attributes(catalog);
  DumpLayout layout;
  layout.info.layout = "dataset " + path + " as " + axes;
  SampleSources sources;
  sources.attention = source_of(catalog, *entry, axes);
  take_words(catalog, attributes, options, layout.info);
  take_shape(catalog, attributes, sources, layout.info);
  layout.info.samples = length_of(*sources.attention, sources.attention->sample_axis);
  for (std::size_t s = 0; s < layout.info.samples; ++s) layout.places.push_back({0, s});
  layout.info.largest_chunk_bytes = sources.attention->chunk_bytes;
  layout.groups.push_back(std::move(sources));
  take_rules(catalog, attributes, layout.info);
  take_lengths(catalog, reader, layout);
  return layout;
}

}  // namespace attnspec
