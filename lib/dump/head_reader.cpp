// Tiles of one head, cut to its sample's length.
#include "lib/dump/head_reader.hpp"

#include <utility>

#include "lib/core/error.hpp"
#include "lib/dump/chunk_reader.hpp"
#include "lib/dump/dump_contents.hpp"
#include "lib/dump/tile_reader.hpp"

namespace attnspec {

struct HeadReader::State {
  std::shared_ptr<const DumpContents> dump;
  TileReader tiles;
  ChunkReader reader;

  explicit State(std::shared_ptr<const DumpContents> d) : dump(std::move(d)), tiles(*dump), reader(dump->file) {}

  Matrix read(const TileSource& source, const TileWindow& window) {
    Matrix matrix(MatrixShape{window.rows, window.cols});
    const TileFacts facts = reader.read(source, window, matrix.values);
    if (!facts.damage.empty())
      throw Error(ErrorKind::input, dump->file.path() + ": " + facts.damage + ". Copy or dump it again");
    return matrix;
  }
};

HeadReader::HeadReader(std::shared_ptr<const DumpContents> dump) : state_(std::make_unique<State>(std::move(dump))) {}
HeadReader::HeadReader(HeadReader&&) noexcept = default;
HeadReader::~HeadReader() = default;

HeadInputs HeadReader::read(const MatrixId& id) {
  const DumpInfo& info = state_->dump->layout.info;
  const SamplePlace place = state_->dump->layout.places[id.sample];
  const SampleSources& sources = state_->dump->layout.groups[place.group];
  const MatrixShape shape = info.shape_of(id.sample);
  const std::size_t row = info.offsets[id.sample];
  const std::size_t col = info.rules[id.layer].mask.kind == AttentionMask::Kind::cross ? 0 : row;
  // Several query heads share one head of a source with fewer of them.
  const auto head_in = [&](const TileSource& source) { return id.head / (info.heads / source.heads()); };

  HeadInputs inputs{MatrixBatch(shape, {id}), {}, {}, {}, {}};
  state_->tiles.fill(inputs.attention, 0, 1);
  const auto take = [&](const std::optional<TileSource>& source, std::size_t first, std::size_t rows) {
    std::optional<Matrix> matrix;
    if (source)
      matrix = state_->read(*source, {place.index, id.layer, head_in(*source), first, rows, 0, source->cols()});
    return matrix;
  };
  inputs.query = take(sources.query, row, shape.rows);
  inputs.key = take(sources.key, col, shape.cols);
  inputs.value = take(sources.value, col, shape.cols);
  if (sources.bias) {
    const std::size_t layer = sources.bias->layers() == 1 ? 0 : id.layer;
    inputs.bias = state_->read(*sources.bias, {0, layer, id.head, row, shape.rows, col, shape.cols});
  }
  return inputs;
}

}  // namespace attnspec
