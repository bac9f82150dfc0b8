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

/// A dataset that holds one tile [rows, cols] on its last two axes for each (sample, layer, head).
/// An axis that the dataset lacks has length 1.
struct TileSource {
  std::string dataset;
  StoredType type = StoredType::other;
  bool big_endian = false;
  std::vector<std::size_t> shape;
  std::optional<std::size_t> sample_axis, layer_axis, head_axis;
  std::uint64_t chunk_bytes = 0;  ///< uncompressed bytes of one chunk; 0 where contiguous

  std::size_t rows() const { return shape[shape.size() - 2]; }
  std::size_t cols() const { return shape[shape.size() - 1]; }
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
  std::size_t samples = 0, layers = 0, heads = 0, kv_heads = 0, head_dim = 0;
  bool complete = true;  ///< false where its writer never finished
  MatrixSource source = MatrixSource::stored;
  Stage stage = Stage::probs;
  RowSum row_sum = RowSum::one;
  StoredType stored_type = StoredType::other;                    ///< of P, or of Q and K where P comes from them
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
  std::string dataset;  ///< --dataset: the one that holds attention
  std::string axes;     ///< --axes: a letter an axis of that dataset: S, L, H, Q, K, each at most once
  std::string stage;    ///< --stage: probs or logits; empty: as the dump says, else probs
};

/// Reads integer datasets such as /lengths for a layout.
class IntegerReader {
 public:
  virtual ~IntegerReader() = default;
  virtual std::vector<long long> integers(const std::string& dataset) = 0;
};

/// Finds the layout of a dump. Throws Error(input) where there is none, or where it contradicts itself.
DumpLayout find_layout(const Catalog& catalog, const LayoutOptions& options, IntegerReader& reader);

}  // namespace attnspec
