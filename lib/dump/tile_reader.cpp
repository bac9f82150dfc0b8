// From tiles on disk to matrices in a batch: cut the padding, decode, compute P where the dump holds Q and K.
#include "lib/dump/tile_reader.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "lib/core/norms.hpp"
#include "lib/dump/chunk_reader.hpp"

namespace attnspec {

struct TileReader::State {
  const DumpLayout& layout;
  ChunkReader reader;
  // Query heads that share a kv head, and heads that share a bias, find the last tile here.
  std::map<const TileSource*, std::pair<ChunkReader::Window, std::vector<double>>> last;

  explicit State(const DumpLayout& l) : layout(l), reader(l.info.file) {}

  void look(MatrixBatch& batch, std::size_t b) const {
    const DumpInfo& info = layout.info;
    const AttentionMask& mask = info.rules[batch.id(b).layer].mask;
    const bool sliding = mask.kind == AttentionMask::Kind::sliding;
    const Expected expected{info.row_sum, row_sum_tolerance(info.stored_type),
                            sliding || mask.kind == AttentionMask::Kind::causal, sliding ? mask.window : 0};
    batch.set_soundness(b, soundness_of(batch.matrix(b), batch.shape(), expected));
  }

  const std::vector<double>& tile(const TileSource& source, const ChunkReader::Window& window) {
    auto& [last_window, values] = last[&source];
    if (!values.empty() && last_window == window) return values;
    values.resize(window.rows * window.cols);
    reader.read(source, window, values);
    last_window = window;
    return values;
  }
};

namespace {

/// What storage did to a stored matrix: every entry moved by at most u |p|, or 2^-25 near zero in float16.
double rounding_of(std::span<const double> matrix, StoredType type) {
  const double subnormal = type == StoredType::float16 ? 0x1p-25 * std::sqrt(static_cast<double>(matrix.size())) : 0;
  return unit_roundoff(type) * std::sqrt(sum_of_squares(matrix)) + subnormal;
}

/// How many matrices from `b` on lie side by side in the file.
std::size_t run_length(const MatrixBatch& batch, std::size_t b, std::size_t most) {
  std::size_t run = 1;
  while (run < most && b + run < batch.size()) {
    const MatrixId &first = batch.id(b), &next = batch.id(b + run);
    if (next.sample != first.sample || next.layer != first.layer || next.head != first.head + run) break;
    ++run;
  }
  return run;
}

}  // namespace

TileReader::TileReader(const DumpLayout& layout) : state_(std::make_unique<State>(layout)) {}
TileReader::~TileReader() = default;

void TileReader::fill(MatrixBatch& batch) {
  const DumpLayout& layout = state_->layout;
  const DumpInfo& info = layout.info;
  const MatrixShape shape = batch.shape();
  constexpr std::size_t most_raw_bytes = std::size_t{8} << 20;
  const std::size_t most_run =
      std::max<std::size_t>(1, most_raw_bytes / (shape.elements() * bytes_of(info.stored_type) + 1));

  for (std::size_t b = 0; b < batch.size();) {
    const MatrixId id = batch.id(b);
    const SamplePlace place = layout.places[id.sample];
    const SampleSources& sources = layout.groups[place.group];
    const std::size_t row = info.offsets[id.sample];
    const std::size_t col = info.rules[id.layer].mask.kind == AttentionMask::Kind::cross ? 0 : row;

    if (info.source == MatrixSource::stored) {
      const std::size_t run = sources.attention->head_axis ? run_length(batch, b, most_run) : 1;
      const std::span<double> out(batch.matrix(b).data(), run * shape.elements());
      state_->reader.read(*sources.attention, {place.index, id.layer, id.head, run, row, shape.rows, col, shape.cols},
                          out);
      for (std::size_t m = b; m < b + run; ++m) {
        batch.set_storage_error(m, info.stage == Stage::logits
                                       ? softmax_rows(batch.matrix(m), shape, unit_roundoff(info.stored_type))
                                       : rounding_of(batch.matrix(m), info.stored_type));
        state_->look(batch, m);
      }
      b += run;
      continue;
    }
    const std::size_t d = sources.query->cols();
    const std::size_t kv_head = id.head / (info.heads / info.kv_heads);
    const auto& query = state_->tile(*sources.query, {place.index, id.layer, id.head, 1, row, shape.rows, 0, d});
    const auto& key = state_->tile(*sources.key, {place.index, id.layer, kv_head, 1, col, shape.cols, 0, d});
    std::span<const double> bias;
    if (sources.bias) {
      const std::size_t layer = sources.bias->shape[0] == 1 ? 0 : id.layer;
      bias = state_->tile(*sources.bias, {0, layer, id.head, 1, row, shape.rows, col, shape.cols});
    }
    const double moved = attention_from_query_key(query, key, bias, shape, info.rules[id.layer],
                                                  unit_roundoff(info.stored_type), batch.matrix(b));
    batch.set_storage_error(b, moved);
    state_->look(batch, b);
    ++b;
  }
}

}  // namespace attnspec
