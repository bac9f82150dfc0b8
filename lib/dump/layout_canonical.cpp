// attnspec's own layout: one tensor [S, L, H, n, .] for each of attention, query, key, value, or a group a sample.
#include "lib/dump/layouts.hpp"

#include <algorithm>

#include "lib/dump/layout_steps.hpp"

namespace attnspec {
namespace {

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

void check_bias(const Catalog& catalog, const DumpInfo& info, const SampleSources& sources) {
  const TileSource& bias = *sources.bias;
  const std::size_t layers = bias.layers();
  agree(catalog, bias, layers == 1 ? 1 : info.layers, info.heads);
  if (bias.rows() < sources.query->rows() || bias.cols() < sources.key->rows())
    refuse(catalog, bias.dataset + " " + shape_text(bias.shape) + " is smaller than the " +
                        std::to_string(sources.query->rows()) + " x " + std::to_string(sources.key->rows()) +
                        " attention that it is added to");
}

void check_query_key(const Catalog& catalog, const DumpInfo& info, const SampleSources& sources) {
  const TileSource &query = *sources.query, &key = *sources.key;
  agree(catalog, query, info.layers, info.heads);
  agree(catalog, key, info.layers, info.kv_heads);
  if (query.cols() != key.cols())
    refuse(catalog, query.dataset + " has head_dim " + std::to_string(query.cols()) + " and " + key.dataset + " " +
                        std::to_string(key.cols()) + ", expected the same");
  if (query.samples() != key.samples())
    refuse(catalog, query.dataset + " " + shape_text(query.shape) + " and " + key.dataset + " " +
                        shape_text(key.shape) + " have unlike numbers of samples, expected the same");
  if (sources.bias) check_bias(catalog, info, sources);
}

void check_same_tokens(const Catalog& catalog, const SampleSources& sources) {
  const TileSource &query = *sources.query, &key = *sources.key, &attention = *sources.attention;
  if (query.rows() != attention.rows() || key.rows() != attention.cols())
    refuse(catalog, query.dataset + " " + shape_text(query.shape) + " and " + key.dataset + " " +
                        shape_text(key.shape) + " do not have the tokens of " + attention.dataset + " " +
                        shape_text(attention.shape));
}

/// A tensor beside the one that leads has as many samples.
void check_samples(const Catalog& catalog, const TileSource& source, const TileSource& leading) {
  if (source.samples() != leading.samples())
    refuse(catalog, source.dataset + " " + shape_text(source.shape) + " has " + std::to_string(source.samples()) +
                        " samples, expected " + std::to_string(leading.samples()) + " as " + leading.dataset + " has");
}

void check_value(const Catalog& catalog, const DumpInfo& info, const SampleSources& sources) {
  const TileSource& value = *sources.value;
  const std::size_t layers = value.layers(), heads = value.heads();
  if (layers != info.layers || info.heads % heads != 0)
    refuse(catalog, value.dataset + " " + shape_text(value.shape) + " has " + std::to_string(layers) + " layers and " +
                        std::to_string(heads) + " heads, expected " + std::to_string(info.layers) +
                        " layers and a number of heads that divides " + std::to_string(info.heads));
  const std::size_t tokens = sources.attention ? sources.attention->cols() : sources.key->rows();
  if (value.rows() != tokens)
    refuse(catalog, value.dataset + " " + shape_text(value.shape) + " has " + std::to_string(value.rows()) +
                        " tokens, expected " + std::to_string(tokens) + " as there are keys");
  if (info.value_width != value.cols())
    refuse(catalog, value.dataset + " " + shape_text(value.shape) + " has width " + std::to_string(value.cols()) +
                        ", expected " + std::to_string(info.value_width) + " as in the other samples");
}

void check_query_key_gives_attention(const Catalog& catalog, const LayoutAttributes& attributes, const DumpInfo& info) {
  if (info.source != MatrixSource::query_key) return;
  if (attributes.number("qk_gives_attention").value_or(1) == 0)
    refuse(catalog,
           "holds Q and K only, and its writer says that they do not give the model's attention "
           "(qk_gives_attention is 0). Dump with --store attention");
  if (info.row_sum == RowSum::at_most_one)
    refuse(catalog,
           "holds Q and K only, of a model whose rows sum to less than one (a sink column): P can not be computed "
           "from them. Dump with --store attention");
}

}  // namespace

DumpLayout canonical_layout(const Catalog& catalog, const LayoutOptions& options) {
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
  const SampleSources& first = layout.groups.front();
  layout.info.has_query_key = first.query && first.key;
  if (first.query) layout.info.query_type = first.query->encoding.type;
  if (first.value) layout.info.value_width = first.value->cols();
  layout.info.qk_gives_attention = attributes.number("qk_gives_attention").value_or(1) != 0;
  for (std::size_t g = 0; g < layout.groups.size(); ++g) {
    const SampleSources& sources = layout.groups[g];
    if (layout.info.source == MatrixSource::query_key) {
      if (!sources.query || !sources.key)
        refuse(catalog, groups[g] + " lacks query or key, expected both as in the other samples");
      check_query_key(catalog, layout.info, sources);
    } else {
      if (!sources.attention) refuse(catalog, groups[g] + " lacks attention, expected it as in the other samples");
      agree(catalog, *sources.attention, layout.info.layers, layout.info.heads);
      if (sources.query && sources.key) {
        check_query_key(catalog, layout.info, sources);
        check_same_tokens(catalog, sources);
        check_samples(catalog, *sources.query, *sources.attention);
      }
    }
    if (sources.value.has_value() != (layout.info.value_width > 0))
      refuse(catalog, groups[g] + " and the other samples do not agree on whether there are values");
    const TileSource& leading = sources.attention ? *sources.attention : *sources.query;
    if (sources.value) {
      check_value(catalog, layout.info, sources);
      check_samples(catalog, *sources.value, leading);
    }
    for (const auto* source : {&sources.attention, &sources.query, &sources.key, &sources.bias})
      if (*source)
        layout.info.largest_chunk_bytes =
            std::max<std::uint64_t>(layout.info.largest_chunk_bytes, (*source)->chunk_bytes());
    for (std::size_t s = 0; s < leading.samples(); ++s) layout.places.push_back({g, s});
  }
  layout.info.samples = layout.places.size();
  take_rules(catalog, attributes, options, layout.info);
  check_query_key_gives_attention(catalog, attributes, layout.info);
  take_lengths(catalog, layout);
  return layout;
}

}  // namespace attnspec
