// Reading ahead: one thread fills the next batch while the caller works on this one.
#include "lib/dump/attention_dump.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <numeric>
#include <thread>
#include <utility>

#include "lib/core/block_store.hpp"
#include "lib/dump/dump_contents.hpp"
#include "lib/dump/tile_reader.hpp"

namespace attnspec {
namespace {

/// Cuts a selection into batches of one shape, in order.
class BatchPlan {
 public:
  BatchPlan(const DumpInfo& info, Selection selection, std::size_t batch_bytes, std::size_t skip)
      : info_(info), selection_(std::move(selection)), batch_bytes_(batch_bytes), at_(skip) {}

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

 private:
  MatrixId id(std::size_t at) const {
    const std::size_t heads = selection_.heads.size(), layers = selection_.layers.size();
    return {selection_.samples[at / heads / layers], selection_.layers[at / heads % layers],
            selection_.heads[at % heads]};
  }

  const DumpInfo& info_;
  Selection selection_;
  std::size_t batch_bytes_, at_;
};

std::vector<std::size_t> up_to(std::size_t count) {
  std::vector<std::size_t> all(count);
  std::iota(all.begin(), all.end(), std::size_t{0});
  return all;
}

}  // namespace

struct BatchReader::Shared {
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<MatrixBatch> ready;
  bool finished = false, stop = false;
  std::exception_ptr failure;
  double seconds_waited = 0;
  std::jthread thread;

  ~Shared() {
    {
      const std::lock_guard lock(mutex);
      stop = true;
    }
    changed.notify_all();
  }

  void run(const DumpContents& dump, BatchPlan plan, unsigned threads, HeadsAs heads_as) {
    try {
      TileReader tiles(dump, threads);
      const auto blocks = std::make_shared<BlockStore>();  // tiles overwrite all of a batch
      while (true) {
        auto [shape, ids] = plan.next();
        if (ids.empty()) break;
        std::optional<MatrixBatch> batch;
        if (heads_as == HeadsAs::query_key_heads) batch = tiles.queries_and_keys(shape, ids);
        if (!batch) tiles.fill(batch.emplace(shape, std::move(ids), blocks));
        std::unique_lock lock(mutex);
        changed.wait(lock, [this] { return stop || !ready; });
        if (stop) return;
        ready = std::move(batch);
        changed.notify_all();
      }
    } catch (...) {
      const std::lock_guard lock(mutex);
      failure = std::current_exception();
    }
    {
      const std::lock_guard lock(mutex);
      finished = true;
    }
    changed.notify_all();
  }
};

BatchReader::BatchReader(std::unique_ptr<Shared> shared) : shared_(std::move(shared)) {}
BatchReader::BatchReader(BatchReader&&) noexcept = default;
BatchReader& BatchReader::operator=(BatchReader&&) noexcept = default;
BatchReader::~BatchReader() = default;

std::optional<MatrixBatch> BatchReader::next() {
  const auto start = std::chrono::steady_clock::now();
  std::unique_lock lock(shared_->mutex);
  shared_->changed.wait(lock, [this] { return shared_->ready || shared_->finished; });
  shared_->seconds_waited += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (shared_->ready) {
    std::optional<MatrixBatch> batch = std::exchange(shared_->ready, std::nullopt);
    lock.unlock();
    shared_->changed.notify_all();
    return batch;
  }
  if (shared_->failure) std::rethrow_exception(shared_->failure);
  return std::nullopt;
}

double BatchReader::seconds_waited() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->seconds_waited;
}

AttentionDump::AttentionDump(const std::string& file, const LayoutOptions& options)
    : contents_(std::make_shared<const DumpContents>(file, options)) {}

AttentionDump::~AttentionDump() = default;
AttentionDump::AttentionDump(AttentionDump&&) noexcept = default;
AttentionDump& AttentionDump::operator=(AttentionDump&&) noexcept = default;

const DumpInfo& AttentionDump::info() const { return contents_->layout.info; }

Selection AttentionDump::everything() const {
  return {up_to(info().samples), up_to(info().layers), up_to(info().heads)};
}

BatchReader AttentionDump::read(Selection selection, std::size_t batch_bytes, unsigned threads, std::size_t skip,
                                HeadsAs heads_as) const {
  auto shared = std::make_unique<BatchReader::Shared>();
  BatchReader::Shared& state = *shared;
  const auto& groups = contents_->layout.groups;
  const bool biased = std::any_of(groups.begin(), groups.end(), [](const auto& group) { return group.bias; });
  if (heads_as == HeadsAs::query_key_heads && biased) batch_bytes /= 2;  // a bias is as large as its P
  BatchPlan plan(info(), std::move(selection), batch_bytes, skip);
  state.thread = std::jthread([&state, dump = contents_, threads, heads_as, plan = std::move(plan)]() mutable {
    state.run(*dump, std::move(plan), threads, heads_as);
  });
  return BatchReader(std::move(shared));
}

HeadReader AttentionDump::read_heads() const { return HeadReader(contents_); }

}  // namespace attnspec
