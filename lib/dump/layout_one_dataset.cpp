// Any one dataset, with its axes named by the user, or by the only reading that fits.
#include <algorithm>
#include <set>
#include <string_view>

#include "lib/core/error.hpp"
#include "lib/dump/layout_steps.hpp"
#include "lib/dump/layouts.hpp"

namespace attnspec {
namespace {

DumpLayout layout_of(const Catalog& catalog, const LayoutOptions& options, const CatalogEntry& entry,
                     const std::string& axes) {
  DumpLayout layout;
  layout.info.layout = "dataset " + entry.path + " as " + axes;
  layout.groups.push_back({source_of(catalog, entry, axes), {}, {}, {}, {}});
  finish_foreign(catalog, options, layout);
  return layout;
}

struct Reading {
  const char* axes;
  const char* who;
};

/// What people mean by a tensor of this rank, the commonest first.
std::vector<Reading> readings_of(std::size_t rank) {
  switch (rank) {
    case 2: return {{"QK", "one matrix"}};
    case 3: return {{"HQK", "heads"}, {"LQK", "layers"}, {"SQK", "samples"}};
    case 4: return {{"LHQK", "layers of one sample"}, {"SHQK", "samples of one layer"}};
    case 5: return {{"SLHQK", "samples first"}, {"LSHQK", "np.stack of the Hugging Face tuple"}};
    default: return {};
  }
}

/// A number of layers or heads that the file tells, at the dataset or at its root, under any of its usual names.
std::optional<std::size_t> told(const Catalog& catalog, const CatalogEntry& entry,
                                std::initializer_list<const char*> names) {
  for (const Attributes* attributes : {&entry.attributes, &catalog.attributes})
    for (const char* name : names)
      if (const auto found = attributes->find(name); found != attributes->end())
        if (const auto* values = std::get_if<std::vector<double>>(&found->second);
            values != nullptr && values->front() >= 1 && values->front() < 1e9)
          return static_cast<std::size_t>(values->front());
  return std::nullopt;
}

bool fits(const std::string_view axes, const CatalogEntry& entry, char letter, std::optional<std::size_t> count) {
  if (!count) return true;
  const std::size_t at = axes.find(letter);
  return (at == std::string_view::npos ? 1 : entry.shape[at]) == *count;
}

std::string counts_text(const std::string_view axes, const CatalogEntry& entry) {
  std::string text;
  for (std::size_t a = 0; a + 2 < axes.size(); ++a)
    text += (text.empty() ? "" : ", ") + std::to_string(entry.shape[a]) +
            (axes[a] == 'S'   ? " samples"
             : axes[a] == 'L' ? " layers"
                              : " heads");
  return text;
}

/// The only reading that fits the file's own words; else says all that do.
std::string axes_of(const Catalog& catalog, const CatalogEntry& entry) {
  const auto layers = told(catalog, entry, {"n_layers", "num_layers", "num_hidden_layers", "n_layer"});
  const auto heads = told(catalog, entry, {"n_heads", "num_heads", "num_attention_heads", "n_head"});
  const std::vector<Reading> readings = readings_of(entry.shape.size());
  std::vector<Reading> fitting;
  for (const Reading& reading : readings)
    if (fits(reading.axes, entry, 'L', layers) && fits(reading.axes, entry, 'H', heads)) fitting.push_back(reading);
  if (fitting.size() == 1) return fitting.front().axes;
  const std::string what = entry.path + " " + shape_text(entry.shape);
  if (readings.empty())
    refuse(catalog, what + " has " + std::to_string(entry.shape.size()) +
                        " axes, expected 2 to 5 (SLHQK: S sample, L layer, H head, Q query, K key)");
  if (fitting.empty())
    refuse(catalog, what + ": no reading of its axes gives" +
                        (layers ? " " + std::to_string(*layers) + " layers" : std::string()) +
                        (layers && heads ? " and" : "") +
                        (heads ? " " + std::to_string(*heads) + " heads" : std::string()) +
                        ", as its attributes say. Correct the attributes");
  std::string list;
  for (const Reading& reading : fitting)
    list += (list.empty() ? "" : ", or ") + std::string("--axes ") + reading.axes + " (" + reading.who + ": " +
            counts_text(reading.axes, entry) + ")";
  refuse(catalog,
         what + ": its axes can be read in more than one way. Say which: --dataset " + entry.path + " " + list);
}

/// Numbers on two equal last axes.
bool looks_like_attention(const CatalogEntry& entry) {
  const std::size_t rank = entry.shape.size();
  return rank >= 2 && rank <= 5 && bytes_of(entry.encoding.type) > 0 && entry.shape[rank - 1] == entry.shape[rank - 2];
}

}  // namespace

DumpLayout one_dataset_layout(const Catalog& catalog, const LayoutOptions& options) {
  const std::string path = options.dataset.starts_with('/') ? options.dataset : "/" + options.dataset;
  const CatalogEntry* entry = catalog.find(path);
  if (entry == nullptr) refuse(catalog, "has no dataset " + path + ". `attnspec inspect` lists what it holds");
  if (options.axes.empty()) return layout_of(catalog, options, *entry, axes_of(catalog, *entry));
  check_axes(options.axes);
  return layout_of(catalog, options, *entry, options.axes);
}

std::optional<DumpLayout> sole_dataset_layout(const Catalog& catalog, const LayoutOptions& options) {
  const CatalogEntry* sole = nullptr;
  for (const CatalogEntry& entry : catalog.datasets) {
    if (!looks_like_attention(entry)) continue;
    if (sole != nullptr) return std::nullopt;
    sole = &entry;
  }
  if (sole == nullptr) return std::nullopt;
  if (!options.axes.empty()) {
    check_axes(options.axes);
    return layout_of(catalog, options, *sole, options.axes);
  }
  return layout_of(catalog, options, *sole, axes_of(catalog, *sole));
}

}  // namespace attnspec
