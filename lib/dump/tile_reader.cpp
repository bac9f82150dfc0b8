// From tiles on disk to matrices in a batch: cut the padding, decode, compute P where the dump holds Q and K.
#include "lib/dump/tile_reader.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <map>
#include <utility>
#include <vector>

#include "lib/core/half.hpp"
#include "lib/core/norms.hpp"
#include "lib/core/parallel.hpp"
#include "lib/core/quick_look.hpp"
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

/// Where the inputs of one head lie.
struct HeadWindows {
  TileWindow query, key, bias;
};

/// Whether P of these inputs is attention whatever they say: finite, and with room for scores.
bool plain(const TileFacts& facts, std::span<const double> query, std::span<const double> key,
           std::span<const double> bias, double scale) {
  constexpr double most = 0x1p500;
  const auto largest = [](std::span<const double> numbers) {  // NaN and Inf give one that is too large
    double found = 0;
    for (const double number : numbers)
      found = std::abs(number) <= found ? found : std::isfinite(number) ? std::abs(number) : HUGE_VAL;
    return found;
  };
  return !facts.missing && facts.unwritten == 0 && facts.damage.empty() && largest(query) < most / 0x1p250 &&
         largest(key) < most / 0x1p250 && std::abs(scale) < most && largest(bias) < most;
}

}  // namespace

struct TileReader::State {
  const DumpLayout& layout;
  ChunkReader reader;
  std::vector<std::map<const TileSource*, LastTile>> last;  ///< one a worker
  std::vector<std::vector<double>> wide;                    ///< one a worker: halves as doubles
  const bool faults_only;

  State(const DumpContents& dump, unsigned threads, bool faults_alone)
      : layout(dump.layout), reader(dump.file), last(threads), wide(threads), faults_only(faults_alone) {}

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

  HeadWindows windows_of(const MatrixId& id, MatrixShape shape) const {
    const DumpInfo& info = layout.info;
    const SamplePlace place = layout.places[id.sample];
    const SampleSources& sources = layout.groups[place.group];
    const std::size_t row = info.offsets[id.sample];
    const std::size_t col = info.rules[id.layer].mask.kind == AttentionMask::Kind::cross ? 0 : row;
    const std::size_t d = sources.query->cols(), kv_head = id.head / (info.heads / info.kv_heads);
    const std::size_t bias_layer = sources.bias && sources.bias->layers() == 1 ? 0 : id.layer;
    return {{place.index, id.layer, id.head, row, shape.rows, 0, d},
            {place.index, id.layer, kv_head, col, shape.cols, 0, d},
            {0, bias_layer, id.head, row, shape.rows, col, shape.cols}};
  }

  const SampleSources& sources_of(const MatrixId& id) const { return layout.groups[layout.places[id.sample].group]; }

  /// Room for these heads; null where they are to come as P.
  std::unique_ptr<QueryKeyHeads> room_for(MatrixShape shape, const std::vector<MatrixId>& ids) const {
    const DumpInfo& info = layout.info;
    if (info.source == MatrixSource::stored || shape.elements() == 0) return nullptr;
    const std::size_t rank = sources_of(ids.front()).query->cols();
    bool biased = false, alike = true, sees_something = true;
    for (const MatrixId& id : ids) {
      alike = alike && sources_of(id).query->cols() == rank;
      biased = biased || sources_of(id).bias;
      sees_something = sees_something &&
                       (info.rules[id.layer].mask.kind != AttentionMask::Kind::sliding || shape.rows <= shape.cols);
    }
    const std::size_t entries = (shape.rows + shape.cols) * rank, bias_entries = biased ? shape.elements() : 0;
    const bool fewer_bytes =
        entries <= shape.elements() &&  // as doubles, which they are here
        (entries + bias_entries) * bytes_of(info.encoding.type) < shape.elements() * sizeof(double);
    if (rank == 0 || !alike || !sees_something || !fewer_bytes) return nullptr;
    auto heads = std::make_unique<QueryKeyHeads>();
    heads->rank = rank;
    heads->queries.resize(ids.size() * shape.rows * rank);
    heads->keys.resize(ids.size() * shape.cols * rank);
    if (biased) heads->biases.resize(ids.size() * shape.elements());
    for (const MatrixId& id : ids) heads->rules.push_back(info.rules[id.layer]);
    heads->input_roundoff = unit_roundoff(info.encoding.type);
    return heads;
  }

  /// False where the head wants a look at its P.
  bool take(QueryKeyHeads& heads, MatrixShape shape, std::size_t b, const MatrixId& id, std::size_t worker) {
    const SampleSources& sources = sources_of(id);
    const HeadWindows windows = windows_of(id, shape);
    TileFacts facts;
    const auto copy = [&](const TileSource& source, const TileWindow& window, std::vector<double>& to) {
      const std::vector<double>& numbers = tile(source, window, worker, facts);
      const std::size_t first = b * numbers.size();
      std::copy(numbers.begin(), numbers.end(), to.begin() + static_cast<std::ptrdiff_t>(first));
      return std::span<const double>(to).subspan(first, numbers.size());
    };
    const std::span<const double> query = copy(*sources.query, windows.query, heads.queries);
    const std::span<const double> key = copy(*sources.key, windows.key, heads.keys);
    std::span<const double> bias;
    if (sources.bias) bias = copy(*sources.bias, windows.bias, heads.biases);
    return plain(facts, query, key, bias, heads.rules[b].scale);
  }

  void fill(MatrixBatch& batch, std::size_t b, std::size_t worker) {
    TileFacts facts;
    const std::optional<double> error = read(batch, b, worker, facts);
    const auto [seen, squares] = look_at(batch, b, wide[worker]);
    batch.set_storage_error(b, error ? *error : rounding_of(squares, batch.shape().elements(), layout.info.encoding));
    finish(batch, b, seen, facts);
  }

  /// P into the batch; how far storage has moved it where that is known without a look at it.
  std::optional<double> read(MatrixBatch& batch, std::size_t b, std::size_t worker, TileFacts& facts) {
    const DumpInfo& info = layout.info;
    const MatrixId id = batch.id(b);
    const SamplePlace place = layout.places[id.sample];
    const SampleSources& sources = layout.groups[place.group];
    const MatrixShape shape = batch.shape();
    const std::size_t row = info.offsets[id.sample];
    const std::size_t col = info.rules[id.layer].mask.kind == AttentionMask::Kind::cross ? 0 : row;
    const TileWindow window{place.index, id.layer, id.head, row, shape.rows, col, shape.cols};
    const double roundoff = unit_roundoff(info.encoding.type);
    if (batch.numbers() == BatchNumbers::halves) {
      facts = reader.read(*sources.attention, window, batch.halves(b));
      return std::nullopt;
    }
    const std::span<double> matrix = batch.matrix(b);
    if (info.source == MatrixSource::stored) {
      facts = reader.read(*sources.attention, window, matrix);
      if (info.stage == Stage::logits) return softmax_rows(matrix, shape, roundoff);
      return std::nullopt;
    }
    const HeadWindows windows = windows_of(id, shape);
    const auto& query = tile(*sources.query, windows.query, worker, facts);
    const auto& key = tile(*sources.key, windows.key, worker, facts);
    std::span<const double> bias;
    if (sources.bias) bias = tile(*sources.bias, windows.bias, worker, facts);
    return attention_from_query_key(query, key, bias, shape, info.rules[id.layer], roundoff, matrix);
  }

  /// Whether it is attention, and |P|_F^2.
  std::pair<Soundness, double> look_at(const MatrixBatch& batch, std::size_t b, std::vector<double>& room) const {
    const MatrixShape shape = batch.shape();
    const Expected wanted = expected(batch.id(b), shape);
    if (faults_only) {
      const auto squares = batch.numbers() == BatchNumbers::halves ? squares_if_sound(batch.halves(b), shape, wanted)
                                                                   : squares_if_sound(batch.matrix(b), shape, wanted);
      if (squares) return {Soundness{}, *squares};
    }
    const std::span<const double> matrix = batch.doubles(b, room);
    return {soundness_of(matrix, shape, wanted), sum_of_squares(matrix)};
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

TileReader::TileReader(const DumpContents& dump, unsigned threads, bool faults_only)
    : state_(std::make_unique<State>(dump, threads, faults_only)) {}
TileReader::~TileReader() = default;

double TileReader::seconds_waited() const { return state_->reader.seconds_waited(); }

std::optional<MatrixBatch> TileReader::queries_and_keys(MatrixShape shape, const std::vector<MatrixId>& ids,
                                                        unsigned first, unsigned count) {
  auto heads = state_->room_for(shape, ids);
  if (!heads) return std::nullopt;
  std::atomic<bool> whole = true;
  for_each_index(ids.size(), count, [&](std::size_t b, std::size_t worker) {
    if (whole && !state_->take(*heads, shape, b, ids[b], first + worker)) whole = false;
  });
  if (!whole) return std::nullopt;
  return MatrixBatch(shape, ids, std::move(heads));
}

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
