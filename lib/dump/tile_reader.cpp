// From tiles on disk to matrices in a batch: cut the padding, decode, compute P where the dump holds Q and K.
#include "lib/dump/tile_reader.hpp"

#include <cmath>
#include <map>
#include <utility>
#include <vector>

#include "lib/core/half.hpp"
#include "lib/core/norms.hpp"
#include "lib/core/parallel.hpp"
#include "lib/dump/chunk_reader.hpp"

namespace attnspec {
namespace {

/// What storage did to a stored matrix of so many entries: every entry moved by at most u |p|, or 2^-25 near zero in
/// float16, or half a step of uint8, in which errors are evenly spread.
double rounding_of(double squares, std::size_t count, const Encoding& encoding) {
  const double entries = std::sqrt(static_cast<double>(count));
  if (encoding.type == StoredType::uint8) return encoding.unit / std::sqrt(12.0) * entries;
  const double subnormal = encoding.type == StoredType::float16 ? 0x1p-25 * entries : 0;
  return unit_roundoff(encoding.type) * std::sqrt(squares) + subnormal;
}

/// Query heads that share a kv head, and heads that share a bias, find the last tile of a source here.
struct LastTile {
  TileWindow window;
  std::vector<double> values;
  TileFacts facts;
};

void add(const TileFacts& found, TileFacts& facts) {
  facts.missing = facts.missing || found.missing;
  facts.unwritten += found.unwritten;
  if (facts.damage.empty()) facts.damage = found.damage;
}

}  // namespace

struct TileReader::State {
  const DumpLayout& layout;
  ChunkReader reader;
  std::vector<std::map<const TileSource*, LastTile>> last;  ///< one a worker
  std::vector<std::vector<double>> wide;                    ///< one a worker: a row of halves, as doubles

  State(const DumpContents& dump, unsigned threads)
      : layout(dump.layout), reader(dump.file), last(threads), wide(threads) {}

  const std::vector<double>& tile(const TileSource& source, const TileWindow& window, std::size_t worker,
                                  TileFacts& facts) {
    LastTile& tile = last[worker][&source];
    if (tile.values.empty() || tile.window != window) {
      tile.values.resize(window.rows * window.cols);
      tile.facts = reader.read(source, window, tile.values);
      tile.window = window;
    }
    add(tile.facts, facts);
    return tile.values;
  }

  void fill(MatrixBatch& batch, std::size_t b, std::size_t worker) {
    const DumpInfo& info = layout.info;
    const MatrixId id = batch.id(b);
    const SamplePlace place = layout.places[id.sample];
    const SampleSources& sources = layout.groups[place.group];
    const MatrixShape shape = batch.shape();
    const std::size_t row = info.offsets[id.sample];
    const std::size_t col = info.rules[id.layer].mask.kind == AttentionMask::Kind::cross ? 0 : row;
    const TileWindow window{place.index, id.layer, id.head, row, shape.rows, col, shape.cols};
    if (batch.numbers() == BatchNumbers::halves) {
      const TileFacts facts = reader.read(*sources.attention, window, batch.halves(b));
      return look_at_halves(batch, b, wide[worker], facts);
    }
    const std::span<double> matrix = batch.matrix(b);
    TileFacts facts;
    if (info.source == MatrixSource::stored) {
      facts = reader.read(*sources.attention, window, matrix);
      batch.set_storage_error(b, info.stage == Stage::logits
                                     ? softmax_rows(matrix, shape, unit_roundoff(info.encoding.type))
                                     : rounding_of(sum_of_squares(matrix), matrix.size(), info.encoding));
    } else {
      const std::size_t d = sources.query->cols(), kv_head = id.head / (info.heads / info.kv_heads);
      const auto& query = tile(*sources.query, {place.index, id.layer, id.head, row, shape.rows, 0, d}, worker, facts);
      const auto& key = tile(*sources.key, {place.index, id.layer, kv_head, col, shape.cols, 0, d}, worker, facts);
      std::span<const double> bias;
      if (sources.bias) {
        const std::size_t layer = sources.bias->layers() == 1 ? 0 : id.layer;
        bias = tile(*sources.bias, {0, layer, id.head, row, shape.rows, col, shape.cols}, worker, facts);
      }
      batch.set_storage_error(b, attention_from_query_key(query, key, bias, shape, info.rules[id.layer],
                                                          unit_roundoff(info.encoding.type), matrix));
    }
    finish(batch, b, soundness_of(matrix, shape, expected(id, shape)), facts);
  }

  /// Row by row: a row stays in the nearest cache while it is widened and looked at.
  void look_at_halves(MatrixBatch& batch, std::size_t b, std::vector<double>& row, const TileFacts& facts) const {
    const MatrixShape shape = batch.shape();
    const auto halves = std::as_bytes(batch.halves(b));
    row.resize(shape.cols);
    double squares = 0;
    const auto widened = [&](std::size_t i) -> std::span<const double> {
      from_halves(halves.data() + i * shape.cols * sizeof(std::uint16_t), row.data(), row.size());
      squares += sum_of_squares(row);
      return row;
    };
    const Soundness seen = soundness_of(widened, shape, expected(batch.id(b), shape));
    batch.set_storage_error(b, rounding_of(squares, shape.elements(), layout.info.encoding));
    finish(batch, b, seen, facts);
  }

  bool share_a_chunk(const MatrixId& one, const MatrixId& other) const {
    const auto& source = layout.groups[layout.places[one.sample].group].attention;
    if (!source || !source->head_axis || one.sample != other.sample || one.layer != other.layer) return false;
    const CatalogEntry* entry = source->part(one.layer, one.head);
    if (entry == nullptr || entry->pipeline.empty()) return false;
    const std::size_t side = entry->chunk[*source->head_axis];
    return one.head / side == other.head / side;
  }

  Expected expected(const MatrixId& id, MatrixShape shape) const {
    const DumpInfo& info = layout.info;
    const AttentionMask& mask = info.rules[id.layer].mask;
    const bool sliding = mask.kind == AttentionMask::Kind::sliding;
    return {info.row_sum, row_sum_tolerance(info.encoding, shape.cols),
            sliding || mask.kind == AttentionMask::Kind::causal, sliding ? mask.window : 0};
  }

  static void finish(MatrixBatch& batch, std::size_t b, Soundness seen, const TileFacts& facts) {
    seen.missing = facts.missing;
    seen.unwritten = facts.unwritten;
    seen.damage = facts.damage;
    batch.set_soundness(b, seen);
  }
};

TileReader::TileReader(const DumpContents& dump, unsigned threads) : state_(std::make_unique<State>(dump, threads)) {}
TileReader::~TileReader() = default;

void TileReader::fill(MatrixBatch& batch, unsigned first, unsigned count) {
  // Heads that lie in one chunk go to one worker: two would wait for each other to unpack it.
  std::vector<std::size_t> starts{0};
  for (std::size_t b = 1; b < batch.size(); ++b)
    if (!state_->share_a_chunk(batch.id(b - 1), batch.id(b))) starts.push_back(b);
  starts.push_back(batch.size());
  for_each_index(starts.size() - 1, count, [&](std::size_t run, std::size_t worker) {
    for (std::size_t b = starts[run]; b < starts[run + 1]; ++b) state_->fill(batch, b, first + worker);
  });
}

}  // namespace attnspec
