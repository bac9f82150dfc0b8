// The shared steps.
#include "lib/dump/layout_steps.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "lib/core/error.hpp"
#include "lib/core/plain_text.hpp"

namespace attnspec {
namespace {

std::vector<std::size_t> lengths_at(const Catalog& catalog, const std::string& path, std::size_t samples,
                                    std::vector<std::size_t> otherwise) {
  const CatalogEntry* entry = catalog.find(path);
  if (entry == nullptr) return otherwise;
  if (!entry->refusal.empty()) refuse(catalog, path + " " + entry->refusal);
  if (entry->encoding.type != StoredType::integer)
    refuse(catalog, path + " holds " + entry->type_name + ", expected integers");
  const std::vector<std::int64_t>& read = entry->numbers;
  if (read.size() != samples)
    refuse(catalog, path + " has shape " + shape_text(entry->shape) + ", expected [" + std::to_string(samples) +
                        "], a number a sample");
  std::vector<std::size_t> lengths;
  for (std::size_t s = 0; s < samples; ++s) {
    if (read[s] < 0)
      refuse(catalog, path + "[" + std::to_string(s) + "] is " + std::to_string(read[s]) + ", expected 0 or more");
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

void note_layer_numbers(const LayoutAttributes& attributes, DumpInfo& info) {
  if (!attributes.has("layers")) return;
  std::string numbers;
  constexpr double most_layer_number = 1e9;
  for (const double number : attributes.numbers_by_layer("layers", info.layers, 0)) {
    if (std::abs(number) > most_layer_number) attributes.refuse("layers", std::to_string(number), "numbers of layers");
    numbers += (numbers.empty() ? "" : ", ") + std::to_string(static_cast<long long>(number));
  }
  info.notes.push_back("its layers 0, 1, ... are layers " + numbers + " of the model; results count as the dump does");
}

// A file of a kilobyte may declare any shape; these are far beyond any model and far below what hurts.
constexpr std::size_t most_samples = 2'000'000, most_layers = 65'536, longest_axis = std::size_t{1} << 31;

void check_size(const Catalog& catalog, const CatalogEntry& entry, const std::string& axes) {
  for (std::size_t a = 0; a < axes.size(); ++a) {
    const std::size_t most = axes[a] == 'S'                     ? most_samples
                             : axes[a] == 'Q' || axes[a] == 'K' ? longest_axis
                                                                : most_layers;
    if (entry.shape[a] > most)
      refuse(catalog, entry.path + " " + shape_text(entry.shape) + " declares an axis " + std::string(1, axes[a]) +
                          " of " + std::to_string(entry.shape[a]) + ", more than the " + std::to_string(most) +
                          " that are read. Split the dump, or is the file damaged?");
  }
}

/// One of its datasets, where its own name is a pattern.
std::string first_path(const TileSource& source) {
  const auto found =
      std::find_if(source.parts.begin(), source.parts.end(), [](const auto* part) { return part != nullptr; });
  return found == source.parts.end() ? source.dataset : (*found)->path;
}

/// Steps of a scale know no sign, and what they cost a logit is not known here.
void refuse_steps(const Catalog& catalog, const TileSource& source) {
  if (source.encoding.type == StoredType::uint8)
    refuse(catalog, source.dataset + " " + shape_text(source.shape) +
                        " holds uint8 steps of a scale, which are read as probabilities and values only. Store it in "
                        "float16 or float32");
}

/// Something was written to it.
bool has_bytes(const CatalogEntry* entry) {
  if (entry == nullptr) return false;
  if (entry->chunk.empty()) return !entry->inlined.empty() || entry->offset != never_written;
  return std::any_of(entry->chunks.begin(), entry->chunks.end(),
                     [](const auto& p) { return p.offset != never_written; });
}

bool ends_inside(std::size_t first, std::size_t count, std::size_t end) { return first <= end && count <= end - first; }

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
    const bool inside = ends_inside(offset, rows, tile.rows) && ends_inside(cross ? 0 : offset, cols, tile.cols);
    if (!inside)
      refuse(catalog, sample + "offset " + std::to_string(offset) + " and length " + std::to_string(rows) + " x " +
                          std::to_string(cols) + " leave its " + std::to_string(tile.rows) + " x " +
                          std::to_string(tile.cols) + " tile");
    if (!cross && rows != cols)
      refuse(catalog, sample + "attention is " + std::to_string(rows) + " x " + std::to_string(cols) +
                          ", expected square. Cross attention says so: attribute mask_kind=\"cross\". A decode step "
                          "(one query, many keys) has no spectrum worth reading: dump whole sequences");
  }
}

std::string links_text(const Catalog& catalog) {
  std::string text;
  for (const std::string& link : catalog.refused_links) text += (text.empty() ? "; " : ", ") + link;
  return text.empty() ? "" : text + " is a soft or external link, which is never followed";
}

}  // namespace

void refuse(const Catalog& catalog, const std::string& reason) {
  throw Error(ErrorKind::input, catalog.file + ": " + on_one_line(reason));
}

TileSource source_of(const Catalog& catalog, const CatalogEntry& entry, const std::string& axes) {
  const std::string where = entry.path + " " + shape_text(entry.shape) + " ";
  if (!entry.refusal.empty()) refuse(catalog, where + entry.refusal);
  if (bytes_of(entry.encoding.type) == 0)
    refuse(catalog, where + "holds " + entry.type_name +
                        ", expected float16, float32, float64, bfloat16 as uint16 with attribute bits=\"bfloat16\", or "
                        "uint8 with attribute scale");
  if (entry.shape.size() != axes.size())
    refuse(catalog, where + "has " + std::to_string(entry.shape.size()) + " axes, expected " +
                        std::to_string(axes.size()) + " (" + axes + ": S sample, L layer, H head, Q query, K key)");
  if (std::find(entry.shape.begin(), entry.shape.end(), 0U) != entry.shape.end())
    refuse(catalog, where + "is empty: an axis has length 0. Was anything written to it?");
  check_size(catalog, entry, axes);
  TileSource source;
  source.dataset = entry.path;
  source.encoding = entry.encoding;
  source.shape = entry.shape;
  source.parts = {&entry};
  source.transposed = axes.ends_with("KQ");
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

std::string held(const CatalogEntry& entry) {
  return entry.path.substr(1) + " " + shape_text(entry.shape) + " " + entry.type_name +
         (entry.filters.empty() ? "" : ", " + entry.filters);
}

void agree(const Catalog& catalog, const TileSource& source, std::size_t layers, std::size_t heads) {
  const std::size_t l = source.layers(), h = source.heads();
  if (l != layers || h != heads)
    refuse(catalog, first_path(source) + " " + shape_text(source.shape) + " has " + std::to_string(l) + " layers and " +
                        std::to_string(h) + " heads, expected " + std::to_string(layers) + " and " +
                        std::to_string(heads) + " as the rest of the dump has");
}

void take_shape(const Catalog& catalog, const LayoutAttributes& attributes, const SampleSources& sources,
                DumpInfo& info) {
  if (!sources.attention && !(sources.query && sources.key))
    refuse(catalog, "holds neither /attention nor both /query and /key, expected one of the two" + links_text(catalog));
  info.source = sources.attention ? MatrixSource::stored : MatrixSource::query_key;
  const TileSource& leading = sources.attention ? *sources.attention : *sources.query;
  if (std::none_of(leading.parts.begin(), leading.parts.end(), has_bytes))
    refuse(catalog, leading.dataset + " " + shape_text(leading.shape) +
                        " was declared, and nothing was ever written to it. Dump it again");
  for (const auto* source : {&sources.query, &sources.key, &sources.bias})
    if (*source) refuse_steps(catalog, **source);
  if (info.stage == Stage::logits) refuse_steps(catalog, leading);
  info.encoding = leading.encoding;
  info.layers = leading.layers();
  info.heads = leading.heads();
  info.kv_heads = sources.key ? sources.key->heads() : attributes.count("n_kv_heads").value_or(info.heads);
  info.head_dim = sources.query ? sources.query->cols() : attributes.count("head_dim").value_or(0);
  if (info.kv_heads == 0 || info.heads % info.kv_heads != 0)
    refuse(catalog, "has " + std::to_string(info.heads) + " query heads on " + std::to_string(info.kv_heads) +
                        " kv heads, expected a whole number of query heads a kv head");
  if (const auto layers = attributes.count("n_layers"); layers && *layers != info.layers)
    refuse(catalog, "attribute n_layers is " + std::to_string(*layers) + ", but " + leading.dataset + " has " +
                        std::to_string(info.layers) + " layers");
  if (const auto heads = attributes.count("n_heads"); heads && *heads != info.heads)
    refuse(catalog, "attribute n_heads is " + std::to_string(*heads) + ", but " + leading.dataset + " has " +
                        std::to_string(info.heads) + " heads");
}

void take_rules(const Catalog& catalog, const LayoutAttributes& attributes, const LayoutOptions& options,
                DumpInfo& info) {
  const double usual = info.head_dim > 0 ? 1 / std::sqrt(static_cast<double>(info.head_dim)) : 1;
  const auto scale = attributes.numbers_by_layer("scale", info.layers, usual);
  const auto softcap = attributes.numbers_by_layer("softcap", info.layers, 0);
  const auto mask = options.mask.empty() ? attributes.texts_by_layer("mask_kind", info.layers, "bidirectional")
                                         : std::vector<std::string>(info.layers, options.mask);
  for (std::size_t l = 0; l < info.layers; ++l) {
    try {
      info.rules.push_back({scale[l], softcap[l], parse_mask(mask[l])});
    } catch (const Error& error) {
      refuse(catalog, std::string("attribute ") + error.what());
    }
  }
  if (info.source == MatrixSource::query_key && !attributes.has("scale"))
    info.notes.push_back("no attribute scale: 1/sqrt(head_dim) is taken");
  if (info.source == MatrixSource::query_key && !attributes.has("mask_kind") && options.mask.empty())
    info.notes.push_back("no attribute mask_kind: bidirectional is taken");
  note_layer_numbers(attributes, info);
}

void take_lengths(const Catalog& catalog, DumpLayout& layout) {
  DumpInfo& info = layout.info;
  const double matrices =
      static_cast<double>(info.samples) * static_cast<double>(info.layers) * static_cast<double>(info.heads);
  if (matrices > most_matrices)
    refuse(catalog,
           "declares " + std::to_string(info.samples) + " samples of " + std::to_string(info.layers) + " layers and " +
               std::to_string(info.heads) +
               " heads, more than the 20 million matrices that are read. Split the dump, or is the file damaged?");
  std::vector<std::size_t> rows, cols;
  for (const SamplePlace& place : layout.places) {
    const TileSize tile = tile_size(info, layout.groups[place.group]);
    rows.push_back(tile.rows);
    cols.push_back(tile.cols);
  }
  info.offsets = lengths_at(catalog, "/offsets", info.samples, std::vector<std::size_t>(info.samples, 0));
  info.query_lengths = lengths_at(catalog, "/lengths", info.samples, rows);
  const bool square = rows == cols;
  info.key_lengths = lengths_at(catalog, "/key_lengths", info.samples, square ? info.query_lengths : cols);
  check_lengths(catalog, layout);
}

void take_words(const Catalog& catalog, const LayoutAttributes& attributes, const LayoutOptions& options,
                DumpInfo& info) {
  info.file = catalog.file;
  info.model = valid_utf8(attributes.text("model_id", "unknown model"));
  info.stack = attributes.text("stack", "");
  info.creator = attributes.text("creator", "");
  info.qk_residual = attributes.number("qk_residual");
  if (const auto complete = attributes.number("complete")) info.complete = *complete == 1;
  const std::string row_sum = attributes.text("row_sum", "one");
  if (row_sum != "one" && row_sum != "at_most_one")
    attributes.refuse("row_sum", "\"" + row_sum + "\"", "one or at_most_one");
  info.row_sum = row_sum == "one" ? RowSum::one : RowSum::at_most_one;
  const std::string stage = options.stage.empty() ? attributes.text("stage", "probs") : options.stage;
  if (stage != "probs" && stage != "logits") attributes.refuse("stage", "\"" + stage + "\"", "probs or logits");
  info.stage = stage == "probs" ? Stage::probs : Stage::logits;
  for (const std::string& link : catalog.refused_links)
    info.notes.push_back(link + " is a soft or external link, which is never followed");
  if (!info.complete)
    info.notes.push_back("its writer never finished (attribute complete is not 1): the last samples may be missing");
}

void check_axes(const std::string& axes) {
  const std::set<char> letters(axes.begin(), axes.end());
  const bool known =
      std::all_of(axes.begin(), axes.end(), [](char c) { return std::string("SLHQK").find(c) != std::string::npos; });
  if (!known || letters.size() != axes.size() || !(axes.ends_with("QK") || axes.ends_with("KQ")))
    throw Error(ErrorKind::usage,
                "--axes " + axes +
                    ": expected letters of S, L, H, each at most once, and then QK (queries as rows), "
                    "or KQ where the matrices are transposed; for example --axes LSHQK");
}

void finish_foreign(const Catalog& catalog, const LayoutOptions& options, DumpLayout& layout) {
  const LayoutAttributes attributes(catalog);
  DumpInfo& info = layout.info;
  take_words(catalog, attributes, options, info);
  take_shape(catalog, attributes, layout.groups.front(), info);
  info.attention = layout.groups.front().attention->dataset;
  for (std::size_t g = 0; g < layout.groups.size(); ++g) {
    const TileSource& source = *layout.groups[g].attention;
    agree(catalog, source, info.layers, info.heads);
    info.largest_chunk_bytes = std::max<std::uint64_t>(info.largest_chunk_bytes, source.chunk_bytes());
    for (std::size_t s = 0; s < source.samples(); ++s) layout.places.push_back({g, s});
  }
  info.samples = layout.places.size();
  take_rules(catalog, attributes, options, info);
  take_lengths(catalog, layout);
}

}  // namespace attnspec
