// One plan, handed out batch by batch.
#include "lib/dump/batch_source.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <utility>

#include "lib/core/block_store.hpp"
#include "lib/core/thread_time.hpp"
#include "lib/dump/dump_contents.hpp"
#include "lib/dump/tile_reader.hpp"

namespace attnspec {
namespace {

/// Cuts a selection into batches of one shape, in order.
class BatchPlan {
 public:
  BatchPlan(const DumpInfo& info, Selection selection, const Cut& cut)
      : info_(info),
        selection_(std::move(selection)),
        batch_bytes_(cut.batch_bytes),
        at_(cut.skip),
        numbers_(cut.halves && info.source == MatrixSource::stored && info.stage == Stage::probs &&
                         info.encoding.type == StoredType::float16
                     ? BatchNumbers::halves
                     : BatchNumbers::doubles) {}

  std::optional<MatrixBatch> next() {
    if (at_ >= selection_.matrices()) return std::nullopt;
    const MatrixShape shape = info_.shape_of(id(at_).sample);
    const std::size_t most =
        std::max<std::size_t>(1, batch_bytes_ / std::max<std::size_t>(1, shape.elements() * sizeof(double)));
    std::vector<MatrixId> ids;
    while (ids.size() < most && at_ < selection_.matrices() && info_.shape_of(id(at_).sample) == shape)
      ids.push_back(id(at_++));
    return MatrixBatch(shape, std::move(ids), blocks_, numbers_);
  }

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
  std::shared_ptr<BlockStore> blocks_ = std::make_shared<BlockStore>();  ///< tiles overwrite all of a batch
};

}  // namespace

struct BatchSource::State {
  std::shared_ptr<const DumpContents> dump;
  std::mutex mutex;
  BatchPlan plan;
  std::size_t given = 0;
  unsigned threads;
  TileReader tiles;
  std::atomic<double> waited = 0;

  State(std::shared_ptr<const DumpContents> contents, Selection selection, const Cut& cut)
      : dump(std::move(contents)),
        plan(dump->layout.info, std::move(selection), cut),
        threads(cut.threads),
        tiles(*dump, cut.readers * cut.threads) {}
};

BatchSource::BatchSource(std::shared_ptr<const DumpContents> dump, Selection selection, const Cut& cut)
    : state_(std::make_unique<State>(std::move(dump), std::move(selection), cut)) {}
BatchSource::BatchSource(BatchSource&&) noexcept = default;
BatchSource& BatchSource::operator=(BatchSource&&) noexcept = default;
BatchSource::~BatchSource() = default;

std::optional<MatrixBatch> BatchSource::next(unsigned reader, std::size_t& number) {
  std::optional<MatrixBatch> batch;
  {
    const std::lock_guard lock(state_->mutex);
    number = state_->given++;
    batch = state_->plan.next();
  }
  if (!batch) return std::nullopt;
  const ThreadTime time(nullptr, &state_->waited);
  state_->tiles.fill(*batch, reader * state_->threads, state_->threads);
  return batch;
}

double BatchSource::seconds_waited() const { return state_->waited; }

}  // namespace attnspec
