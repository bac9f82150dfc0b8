// The layouts that attnspec reads: its own (one tensor, or a group a sample), and one dataset with its axes named.
#include "lib/dump/layout.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "lib/core/error.hpp"
#include "lib/dump/layout_attributes.hpp"

namespace attnspec {
namespace {

[[noreturn]] void refuse(const Catalog& catalog, const std::string& reason) {
  throw Error(ErrorKind::input, catalog.file + ": " + reason);
}

/// A dataset whose axes are the letters of `axes`, in order; Q and K are the last two.
TileSource source_of(const Catalog& catalog, const CatalogEntry& entry, const std::string& axes) {
  const std::string where = entry.path + " " + shape_text(entry.shape) + " ";
  if (!entry.refusal.empty()) refuse(catalog, where + entry.refusal);
  if (bytes_of(entry.type) == 0)
    refuse(catalog, where + "holds " + entry.type_name + ", expected float16, float32, float64, or bfloat16 as uint16 with attribute bits=\"bfloat16\"");
  if (entry.shape.size() != axes.size())
    refuse(catalog, where + "has " + std::to_string(entry.shape.size()) + " axes, expected " +
                        std::to_string(axes.size()) + " (" + axes + ": S sample, L layer, H head, Q query, K key)");
  if (std::find(entry.shape.begin(), entry.shape.end(), 0U) != entry.shape.end())
    refuse(catalog, where + "is empty: an axis has length 0. Was anything written to it?");
  TileSource source{entry.path, entry.type, entry.big_endian, entry.shape, {}, {}, {}};
  const auto axis = [&axes](char letter) {
    const std::size_t at = axes.find(letter);
    return at == std::string::npos ? std::nullopt : std::optional(at);
  };
  source.sample_axis = axis('S');
  source.layer_axis = axis('L');
  source.head_axis = axis('H');
  return source;
}

std::optional<TileSource> source_at(const Catalog& catalog, const std::string& path, const std::string& axes) {
  const CatalogEntry* entry = catalog.find(path);
  if (entry == nullptr) return std::nullopt;
  return source_of(catalog, *entry, axes);
}

std::size_t length_of(const TileSource& source, const std::optional<std::size_t>& axis) {
  return axis ? source.shape[*axis] : 1;
}

std::string held(const CatalogEntry& entry) {
  return entry.path.substr(1) + " " + shape_text(entry.shape) + " " + entry.type_name +
         (entry.filters.empty() ? "" : ", " + entry.filters);
}

/// The tensors [S, L, H, n, .] at the root, or [L, H, n, .] in a group.
SampleSources sources_in(const Catalog& catalog, const std::string& prefix, const std::string& axes) {
  SampleSources sources;
  sources.attention = source_at(catalog, prefix + "/attention", axes);
  sources.query = source_at(catalog, prefix + "/query", axes);
  sources.key = source_at(catalog, prefix + "/key", axes);
  sources.value = source_at(catalog, prefix + "/value", axes);
  sources.bias = source_at(catalog, "/bias", "LHQK");
  return sources;
}

/// "/samples/00000000", in order.
std::vector<std::string> sample_groups(const Catalog& catalog) {
  std::vector<std::string> groups;
  for (const CatalogEntry& entry : catalog.datasets) {
    const std::string prefix = "/samples/";
    const std::size_t end = entry.path.rfind('/');
    if (!entry.path.starts_with(prefix) || end < prefix.size()) continue;
    const std::string group = entry.path.substr(0, end);
    if (groups.empty() || groups.back() != group) groups.push_back(group);
  }
  return groups;
}

/// Layers, heads and lengths from the first sources; the others must agree.
void agree(const Catalog& catalog, const TileSource& source, std::size_t layers, std::size_t heads) {
  const std::size_t l = length_of(source, source.layer_axis), h = length_of(source, source.head_axis);
  if (l != layers || h != heads)
    refuse(catalog, source.dataset + " " + shape_text(source.shape) + " has " + std::to_string(l) + " layers and " +
                        std::to_string(h) + " heads, expected " + std::to_string(layers) + " and " +
                        std::to_string(heads) + " as the rest of the dump has");
}

void check_query_key(const Catalog& catalog, const DumpInfo& info, const SampleSources& sources) {
  const TileSource &query = *sources.query, &key = *sources.key;
  agree(catalog, query, info.layers, info.heads);
  agree(catalog, key, info.layers, info.kv_heads);
  if (query.cols() != key.cols())
    refuse(catalog, query.dataset + " has head_dim " + std::to_string(query.cols()) + " and " + key.dataset + " " +
                        std::to_string(key.cols()) + ", expected the same");
}

/// Numbers of layers and heads, and where P comes from.
void take_shape(const Catalog& catalog, const LayoutAttributes& attributes, const SampleSources& sources,
                DumpInfo& info) {
  if (!sources.attention && !(sources.query && sources.key))
    refuse(catalog, "holds neither /attention nor both /query and /key, expected one of the two");
  info.source = sources.attention ? MatrixSource::stored : MatrixSource::query_key;
  const TileSource& leading = sources.attention ? *sources.attention : *sources.query;
  info.stored_type = leading.type;
  info.layers = length_of(leading, leading.layer_axis);
  info.heads = length_of(leading, leading.head_axis);
  info.kv_heads = sources.key ? length_of(*sources.key, sources.key->head_axis)
                              : attributes.count("n_kv_heads").value_or(info.heads);
  info.head_dim = sources.query ? sources.query->cols() : attributes.count("head_dim").value_or(0);
  if (info.kv_heads == 0 || info.heads % info.kv_heads != 0)
    refuse(catalog, "has " + std::to_string(info.heads) + " query heads on " + std::to_string(info.kv_heads) +
                        " kv heads, expected a whole number of query heads a kv head");
  if (const auto heads = attributes.count("n_heads"); heads && *heads != info.heads)
    refuse(catalog, "attribute n_heads is " + std::to_string(*heads) + ", but " + leading.dataset + " has " +
                        std::to_string(info.heads) + " heads");
}

void take_rules(const Catalog& catalog, const LayoutAttributes& attributes, DumpInfo& info) {
  const double usual = info.head_dim > 0 ? 1 / std::sqrt(static_cast<double>(info.head_dim)) : 1;
  const auto scale = attributes.numbers_by_layer("scale", info.layers, usual);
  const auto softcap = attributes.numbers_by_layer("softcap", info.layers, 0);
  const auto mask = attributes.texts_by_layer("mask_kind", info.layers, "bidirectional");
  for (std::size_t l = 0; l < info.layers; ++l) {
    try {
      info.rules.push_back({scale[l], softcap[l], parse_mask(mask[l])});
    } catch (const Error& error) {
      refuse(catalog, std::string("attribute ") + error.what());
    }
  }
  if (info.source == MatrixSource::query_key && !attributes.has("scale"))
    info.notes.push_back("no attribute scale: 1/sqrt(head_dim) is taken");
  if (info.source == MatrixSource::query_key && !attributes.has("mask_kind"))
    info.notes.push_back("no attribute mask_kind: bidirectional is taken");
}

std::vector<std::size_t> lengths_at(const Catalog& catalog, IntegerReader& reader, const std::string& path,
                                    std::size_t samples, std::vector<std::size_t> otherwise) {
  if (catalog.find(path) == nullptr) return otherwise;
  const std::vector<long long> read = reader.integers(path);
  if (read.size() != samples)
    refuse(catalog, path + " holds " + std::to_string(read.size()) + " numbers, expected one a sample (" +
                        std::to_string(samples) + ")");
  std::vector<std::size_t> lengths;
  for (std::size_t s = 0; s < samples; ++s) {
    if (read[s] < 0) refuse(catalog, path + "[" + std::to_string(s) + "] is " + std::to_string(read[s]) + ", expected 0 or more");
    lengths.push_back(static_cast<std::size_t>(read[s]));
  }
  return lengths;
}

struct TileSize {
  std::size_t rows = 0, cols = 0;
};

TileSize tile_size(const DumpInfo& info, const SampleSources& sources) {
  if (info.source == MatrixSource::stored) return {sources.attention->rows(), sources.attention->cols()};
  return {sources.query->rows(), sources.key->rows()};
}

/// Every sample's part of its tile lies inside the tile, and is square unless the mask says cross.
void check_lengths(const Catalog& catalog, const DumpLayout& layout) {
  const DumpInfo& info = layout.info;
  const bool cross = std::any_of(info.rules.begin(), info.rules.end(), [](const AttentionRule& rule) {
    return rule.mask.kind == AttentionMask::Kind::cross;
  });
  for (std::size_t s = 0; s < info.samples; ++s) {
    const TileSize tile = tile_size(info, layout.groups[layout.places[s].group]);
    const std::size_t rows = info.query_lengths[s], cols = info.key_lengths[s], offset = info.offsets[s];
    const std::string sample = "sample " + std::to_string(s) + ": ";
    if (rows == 0 || cols == 0) refuse(catalog, sample + "its length is 0, expected at least 1");
    if (offset > tile.rows || rows > tile.rows - offset || (!cross && (offset > tile.cols || cols > tile.cols - offset)) || cols > tile.cols)
      refuse(catalog, sample + "offset " + std::to_string(offset) + " and length " + std::to_string(rows) + " x " +
                          std::to_string(cols) + " leave its " + std::to_string(tile.rows) + " x " +
                          std::to_string(tile.cols) + " tile");
    if (!cross && rows != cols)
      refuse(catalog, sample + "attention is " + std::to_string(rows) + " x " + std::to_string(cols) +
                          ", expected square. Cross attention says so: attribute mask_kind=\"cross\". A decode step "
                          "(one query, many keys) has no spectrum worth reading: dump whole sequences");
  }
}

void take_lengths(const Catalog& catalog, IntegerReader& reader, DumpLayout& layout) {
  DumpInfo& info = layout.info;
  std::vector<std::size_t> rows, cols;
  for (const SamplePlace& place : layout.places) {
    const TileSize tile = tile_size(info, layout.groups[place.group]);
    rows.push_back(tile.rows);
    cols.push_back(tile.cols);
  }
  info.offsets = lengths_at(catalog, reader, "/offsets", info.samples, std::vector<std::size_t>(info.samples, 0));
  info.query_lengths = lengths_at(catalog, reader, "/lengths", info.samples, rows);
  const bool square = rows == cols;
  info.key_lengths = lengths_at(catalog, reader, "/key_lengths", info.samples, square ? info.query_lengths : cols);
  check_lengths(catalog, layout);
}

void take_words(const Catalog& catalog, const LayoutAttributes& attributes, const LayoutOptions& options,
                DumpInfo& info) {
  info.file = catalog.file;
  info.model = attributes.text("model_id", "unknown model");
  info.stack = attributes.text("stack", "");
  info.creator = attributes.text("creator", "");
  info.qk_residual = attributes.number("qk_residual");
  if (const auto complete = attributes.number("complete")) info.complete = *complete == 1;
  const std::string row_sum = attributes.text("row_sum", "one");
  if (row_sum != "one" && row_sum != "at_most_one") attributes.refuse("row_sum", "\"" + row_sum + "\"", "one or at_most_one");
  info.row_sum = row_sum == "one" ? RowSum::one : RowSum::at_most_one;
  const std::string stage = options.stage.empty() ? attributes.text("stage", "probs") : options.stage;
  if (stage != "probs" && stage != "logits") attributes.refuse("stage", "\"" + stage + "\"", "probs or logits");
  info.stage = stage == "probs" ? Stage::probs : Stage::logits;
  for (const std::string& link : catalog.refused_links)
    info.notes.push_back(link + " is a soft or external link, which is never followed");
  if (!info.complete)
    info.notes.push_back("its writer never finished (attribute complete is not 1): the last samples may be missing");
}

void refuse_sink_without_attention(const Catalog& catalog, const DumpInfo& info) {
  if (info.source == MatrixSource::query_key && info.row_sum == RowSum::at_most_one)
    refuse(catalog, "holds Q and K only, of a model whose rows sum to less than one (a sink column): P can not be computed "
                    "from them. Dump with --store attention");
}

DumpLayout canonical(const Catalog& catalog, const LayoutOptions& options, IntegerReader& reader) {
  const LayoutAttributes attributes(catalog);
  DumpLayout layout;
  const std::vector<std::string> groups = sample_groups(catalog);
  if (groups.empty()) {
    layout.groups.push_back(sources_in(catalog, "", "SLHQK"));
    layout.info.layout = "canonical";
  } else {
    for (const std::string& group : groups) layout.groups.push_back(sources_in(catalog, group, "LHQK"));
    layout.info.layout = "canonical, a group a sample";
  }
  take_words(catalog, attributes, options, layout.info);
  take_shape(catalog, attributes, layout.groups.front(), layout.info);
  for (std::size_t g = 0; g < layout.groups.size(); ++g) {
    const SampleSources& sources = layout.groups[g];
    if (layout.info.source == MatrixSource::query_key) {
      if (!sources.query || !sources.key) refuse(catalog, groups[g] + " lacks query or key, expected both as in the other samples");
      check_query_key(catalog, layout.info, sources);
    } else {
      if (!sources.attention) refuse(catalog, groups[g] + " lacks attention, expected it as in the other samples");
      agree(catalog, *sources.attention, layout.info.layers, layout.info.heads);
    }
    const TileSource& leading = sources.attention ? *sources.attention : *sources.query;
    for (std::size_t s = 0; s < length_of(leading, leading.sample_axis); ++s) layout.places.push_back({g, s});
  }
  layout.info.samples = layout.places.size();
  take_rules(catalog, attributes, layout.info);
  refuse_sink_without_attention(catalog, layout.info);
  take_lengths(catalog, reader, layout);
  return layout;
}

/// The reading that --axes gives of one dataset.
DumpLayout one_dataset(const Catalog& catalog, const LayoutOptions& options, IntegerReader& reader) {
  const std::string path = options.dataset.starts_with('/') ? options.dataset : "/" + options.dataset;
  const CatalogEntry* entry = catalog.find(path);
  if (entry == nullptr) refuse(catalog, "has no dataset " + path + ". `attnspec inspect` lists what it holds");
  std::string axes = options.axes;
  if (axes.empty() && entry->shape.size() == 2) axes = "QK";
  if (axes.empty())
    refuse(catalog, path + " " + shape_text(entry->shape) + ": the order of its axes is not known; say it: --axes SLHQK, " +
                        "or --axes LSHQK (np.stack of the Hugging Face tuple); one letter an axis");
  const std::set<char> letters(axes.begin(), axes.end());
  const bool known = std::all_of(axes.begin(), axes.end(), [](char c) { return std::string("SLHQK").find(c) != std::string::npos; });
  if (!known || letters.size() != axes.size() || !axes.ends_with("QK"))
    throw Error(ErrorKind::usage, "--axes " + axes + ": expected letters of S, L, H, each at most once, and then QK "
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
  layout.groups.push_back(std::move(sources));
  take_rules(catalog, attributes, layout.info);
  take_lengths(catalog, reader, layout);
  return layout;
}

[[noreturn]] void refuse_unknown(const Catalog& catalog) {
  std::string found;
  for (std::size_t i = 0; i < catalog.datasets.size() && i < 5; ++i) found += (i == 0 ? "" : "; ") + held(catalog.datasets[i]);
  if (catalog.datasets.size() > 5) found += "; and " + std::to_string(catalog.datasets.size() - 5) + " more";
  refuse(catalog, "no attention found in it. It holds " + (found.empty() ? "no dataset at all" : found) +
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
  DumpLayout layout = options.dataset.empty() ? canonical(catalog, options, reader) : one_dataset(catalog, options, reader);
  for (const CatalogEntry& entry : catalog.datasets) layout.info.holds.push_back(held(entry));
  layout.info.dtype = std::string(name_of(layout.info.stored_type));
  return layout;
}

}  // namespace attnspec
