// Tiles of one head, cut to its sample's length.
#include "lib/dump/head_reader.hpp"

#include <utility>

#include "lib/dump/chunk_reader.hpp"
#include "lib/dump/tile_reader.hpp"

namespace attnspec {

struct HeadReader::State {
  std::shared_ptr<const DumpLayout> layout;
  TileReader tiles;
  ChunkReader reader;

  explicit State(std::shared_ptr<const DumpLayout> l)
      : layout(std::move(l)), tiles(*layout), reader(layout->info.file) {}

  Matrix read(const TileSource& source, const ChunkReader::Window& window) {
    Matrix matrix(MatrixShape{window.rows, window.cols});
    reader.read(source, window, matrix.values);
    return matrix;
  }
};

HeadReader::HeadReader(std::shared_ptr<const DumpLayout> layout) : state_(std::make_unique<State>(std::move(layout))) {}
HeadReader::HeadReader(HeadReader&&) noexcept = default;
HeadReader::~HeadReader() = default;

HeadInputs HeadReader::read(const MatrixId& id) {
  const DumpInfo& info = state_->layout->info;
  const SamplePlace place = state_->layout->places[id.sample];
  const SampleSources& sources = state_->layout->groups[place.group];
  const MatrixShape shape = info.shape_of(id.sample);
  const std::size_t row = info.offsets[id.sample];
  const std::size_t col = info.rules[id.layer].mask.kind == AttentionMask::Kind::cross ? 0 : row;
  // Several query heads share one head of a source with fewer of them.
  const auto head_in = [&](const TileSource& source) {
    return source.head_axis ? id.head / (info.heads / source.shape[*source.head_axis]) : 0;
  };

  HeadInputs inputs{MatrixBatch(shape, {id}), {}, {}, {}, {}};
  state_->tiles.fill(inputs.attention);
  const auto take = [&](const std::optional<TileSource>& source, std::size_t first, std::size_t rows) {
    std::optional<Matrix> matrix;
    if (source)
      matrix = state_->read(*source, {place.index, id.layer, head_in(*source), 1, first, rows, 0, source->cols()});
    return matrix;
  };
  inputs.query = take(sources.query, row, shape.rows);
  inputs.key = take(sources.key, col, shape.cols);
  inputs.value = take(sources.value, col, shape.cols);
  if (sources.bias) {
    const std::size_t layer = sources.bias->shape[0] == 1 ? 0 : id.layer;
    inputs.bias = state_->read(*sources.bias, {0, layer, id.head, 1, row, shape.rows, col, shape.cols});
  }
  return inputs;
}

}  // namespace attnspec
