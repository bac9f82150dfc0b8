// One plan, handed out batch by batch.
#include "lib/dump/batch_source.hpp"

#include <algorithm>
#include <mutex>
#include <tuple>
#include <utility>

#include "lib/core/block_store.hpp"
#include "lib/dump/dump_contents.hpp"
#include "lib/dump/tile_reader.hpp"

namespace attnspec {
namespace {

/// Cuts a selection into batches of one shape, in order.
class BatchPlan {
 public:
  BatchPlan(const DumpLayout& layout, Selection selection, const Cut& cut)
      : info_(layout.info),
        selection_(std::move(selection)),
        batch_bytes_(cut.batch_bytes),
        at_(cut.skip),
        numbers_(cut.halves && info_.source == MatrixSource::stored && info_.stage == Stage::probs &&
                         info_.encoding.type == StoredType::float16
                     ? BatchNumbers::halves
                     : BatchNumbers::doubles) {
    const bool biased =
        std::any_of(layout.groups.begin(), layout.groups.end(), [](const auto& group) { return group.bias; });
    if (cut.queries_and_keys && biased) batch_bytes_ /= 2;  // a bias is as large as its P
  }

  /// Shape and names of the next batch; no names at the end.
  std::pair<MatrixShape, std::vector<MatrixId>> next() {
    if (at_ >= selection_.matrices()) return {};
    const MatrixShape shape = info_.shape_of(id(at_).sample);
    const std::size_t most =
        std::max<std::size_t>(1, batch_bytes_ / std::max<std::size_t>(1, shape.elements() * sizeof(double)));
    std::vector<MatrixId> ids;
    while (ids.size() < most && at_ < selection_.matrices() && info_.shape_of(id(at_).sample) == shape)
      ids.push_back(id(at_++));
    return {shape, std::move(ids)};
  }

  BatchNumbers numbers() const { return numbers_; }

 private:
  MatrixId id(std::size_t at) const {
    const std::size_t heads = selection_.heads.size(), layers = selection_.layers.size();
    return {selection_.samples[at / heads / layers], selection_.layers[at / heads % layers],
            selection_.heads[at % heads]};
  }

  const DumpInfo& info_;
  Selection selection_;
  std::size_t batch_bytes_, at_;
  BatchNumbers numbers_;
};

}  // namespace

struct BatchSource::State {
  std::shared_ptr<const DumpContents> dump;
  std::mutex mutex;
  BatchPlan plan;
  std::size_t given = 0;
  unsigned threads;
  bool queries_and_keys;
  TileReader tiles;
  std::shared_ptr<BlockStore> blocks = std::make_shared<BlockStore>();  ///< tiles overwrite all of a batch

  State(std::shared_ptr<const DumpContents> contents, Selection selection, const Cut& cut)
      : dump(std::move(contents)),
        plan(dump->layout, std::move(selection), cut),
        threads(cut.threads),
        queries_and_keys(cut.queries_and_keys),
        tiles(*dump, cut.readers * cut.threads, cut.faults_only) {}
};

BatchSource::BatchSource(std::shared_ptr<const DumpContents> dump, Selection selection, const Cut& cut)
    : state_(std::make_unique<State>(std::move(dump), std::move(selection), cut)) {}
BatchSource::BatchSource(BatchSource&&) noexcept = default;
BatchSource& BatchSource::operator=(BatchSource&&) noexcept = default;
BatchSource::~BatchSource() = default;

std::optional<MatrixBatch> BatchSource::next(unsigned reader, std::size_t& number) {
  MatrixShape shape;
  std::vector<MatrixId> ids;
  {
    const std::lock_guard lock(state_->mutex);
    number = state_->given++;
    std::tie(shape, ids) = state_->plan.next();
  }
  if (ids.empty()) return std::nullopt;
  const unsigned first = reader * state_->threads, count = state_->threads;
  std::optional<MatrixBatch> batch;
  if (state_->queries_and_keys) batch = state_->tiles.queries_and_keys(shape, ids, first, count);
  if (!batch)
    state_->tiles.fill(batch.emplace(shape, std::move(ids), state_->blocks, state_->plan.numbers()), first, count);
  return batch;
}

double BatchSource::seconds_waited() const { return state_->tiles.seconds_waited(); }

}  // namespace attnspec
