// From names and shapes to (sample, layer, head): where each matrix of a dump lies.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/core/export.hpp"
#include "lib/core/soundness.hpp"
#include "lib/dump/attention.hpp"
#include "lib/dump/catalog.hpp"

namespace attnspec {

/// Tiles [queries, keys], one for each (sample, layer, head), on the last two axes of one dataset, or of one for each
/// layer, each head, or both. An axis that is neither in a dataset nor among the datasets has length 1.
struct TileSource {
  std::string dataset;  ///< its path, or the pattern of theirs
  Encoding encoding;
  std::vector<std::size_t> shape;  ///< of each dataset
  std::optional<std::size_t> sample_axis, layer_axis, head_axis;
  bool transposed = false;                 ///< the last axis is that of the queries
  std::vector<const CatalogEntry*> parts;  ///< [layers, heads] of those that are datasets; none where one is missing
  std::size_t layer_parts = 1, head_parts = 1;

  std::size_t rows() const { return shape[shape.size() - (transposed ? 1 : 2)]; }
  std::size_t cols() const { return shape[shape.size() - (transposed ? 2 : 1)]; }
  std::size_t samples() const { return sample_axis ? shape[*sample_axis] : 1; }
  std::size_t layers() const { return layer_axis ? shape[*layer_axis] : layer_parts; }
  std::size_t heads() const { return head_axis ? shape[*head_axis] : head_parts; }
  /// The dataset that holds a head; null where it is missing.
  const CatalogEntry* part(std::size_t layer, std::size_t head) const {
    return parts[(layer_parts == 1 ? 0 : layer) * head_parts + (head_parts == 1 ? 0 : head)];
  }
  std::size_t chunk_bytes() const;  ///< the largest, uncompressed; 0 where all are contiguous
};

/// Sources that hold the same samples.
struct SampleSources {
  std::optional<TileSource> attention, query, key, value, bias;
};

enum class MatrixSource { stored, query_key };  ///< P as it is in the file, or computed from Q and K
enum class Stage { probs, logits };             ///< what the stored matrices are

/// What a dump holds, in words and numbers.
struct DumpInfo {
  std::string file, layout, model, stack, creator, dtype;
  std::string attention = "/attention";  ///< the dataset of P, or the pattern of several
  std::size_t samples = 0, layers = 0, heads = 0, kv_heads = 0, head_dim = 0;
  bool complete = true;  ///< false where its writer never finished
  MatrixSource source = MatrixSource::stored;
  Stage stage = Stage::probs;
  RowSum row_sum = RowSum::one;
  Encoding encoding;                                             ///< of P, or of Q and K where P comes from them
  std::vector<AttentionRule> rules;                              ///< one a layer
  std::vector<std::size_t> query_lengths, key_lengths, offsets;  ///< one a sample: rows, columns, padding on the left
  std::uint64_t largest_chunk_bytes = 0;                         ///< of what reading the matrices touches
  std::optional<double> qk_residual;  ///< the largest difference of P and softmax(QK^T), as the writer measured it
  std::size_t value_width = 0;        ///< columns of V (d_v); 0 where the dump holds no values
  bool has_query_key = false;         ///< Q and K are there, whether or not P is
  bool qk_gives_attention = true;     ///< false where the writer says that Q and K do not give the model's P
  StoredType query_type = StoredType::other;
  std::vector<std::string> holds;  ///< "attention [2, 6, 12, 512, 512] float16, shuffle, deflate"
  std::vector<std::string> notes;  ///< what a reader should know, in sentences

  MatrixShape shape_of(std::size_t sample) const { return {query_lengths[sample], key_lengths[sample]}; }
};

/// Where the tiles of one sample lie: which sources, and its place on their sample axis.
struct SamplePlace {
  std::size_t group = 0, index = 0;
};

struct DumpLayout {
  DumpInfo info;
  std::vector<SampleSources> groups;
  std::vector<SamplePlace> places;  ///< one a sample
};

/// What the user says of a dump that does not say it itself.
struct LayoutOptions {
  std::string dataset;  ///< --dataset: the one that holds attention, or a pattern of several: "layer_{L}/head_{H}"
  std::string axes;     ///< --axes: a letter an axis of that dataset: S, L, H, Q, K, each at most once
  std::string stage;    ///< --stage: probs or logits; empty: as the dump says, else probs
  std::string mask;     ///< --mask: as attribute mask_kind; empty: as the dump says, else bidirectional
};

/// Finds the layout of a dump, which points into the catalog. Throws Error(input) where there is none, where several
/// fit, or where it contradicts itself.
ATTNSPEC_API DumpLayout find_layout(const Catalog& catalog, const LayoutOptions& options);

}  // namespace attnspec
