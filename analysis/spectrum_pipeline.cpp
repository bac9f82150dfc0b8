// Results wait under their number until their turn comes.
#include "analysis/spectrum_pipeline.hpp"

#include <chrono>
#include <condition_variable>
#include <exception>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

namespace attnspec {

struct SpectrumPipeline::Shared {
  struct Result {
    ComputedBatch computed;
    std::exception_ptr failure;
  };

  BatchSource& source;
  Backend& backend;
  const unsigned spare;  ///< the number of the one that may rest; beyond them all where none may
  const std::size_t most_ahead;
  std::mutex mutex;
  std::condition_variable changed;
  std::map<std::size_t, Result> results;
  std::size_t turn = 0;
  unsigned running;
  bool stop = false, at_end = false;
  const std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
  std::vector<std::jthread> threads;

  Shared(BatchSource& from, Backend& by, unsigned callers, bool last_is_spare)
      : source(from),
        backend(by),
        spare(last_is_spare && callers > 1 ? callers - 1 : callers),
        most_ahead(std::size_t{4} * callers),
        running(callers) {
    for (unsigned caller = 0; caller < callers; ++caller) threads.emplace_back([this, caller] { run(caller); });
  }

  ~Shared() {
    {
      const std::lock_guard lock(mutex);
      stop = true;
    }
    changed.notify_all();
  }

  void run(unsigned caller) {
    while ((caller != spare || wanted()) && one(caller)) {
    }
    const std::lock_guard lock(mutex);
    at_end = true;
    --running;
    changed.notify_all();
  }

  /// Waits until the others wait for the file; false at the end.
  bool wanted() {
    constexpr double noticeable = 0.2;  // of the time of all of them: a system call may hold one up for other reasons
    constexpr auto look_again = std::chrono::milliseconds(20);
    std::unique_lock lock(mutex);
    const auto waiting = [this] {
      const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start;
      return source.seconds_waited() > noticeable * passed.count() * spare;
    };
    while (!stop && !at_end && !waiting()) changed.wait_for(lock, look_again);
    return !stop && !at_end;
  }

  /// A batch, all the way; false at the end.
  bool one(unsigned caller) {
    std::size_t number = 0;
    Result result;
    try {
      auto next = source.next(caller, number);
      if (!next) return false;
      result.computed.batch = std::move(*next);
      result.computed.spectra = backend.singular_values_alone(result.computed.batch);
      result.computed.batch.drop_entries();
    } catch (...) {
      result.failure = std::current_exception();
    }
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return stop || number < turn + most_ahead; });
    stop = stop || result.failure;
    results[number] = std::move(result);
    changed.notify_all();
    return !stop;
  }
};

SpectrumPipeline::SpectrumPipeline(BatchSource& source, Backend& backend, unsigned callers, bool spare)
    : shared_(std::make_unique<Shared>(source, backend, callers, spare)) {}
SpectrumPipeline::~SpectrumPipeline() = default;

std::optional<ComputedBatch> SpectrumPipeline::next() {
  Shared& shared = *shared_;
  std::unique_lock lock(shared.mutex);
  const auto here = [&shared] { return shared.results.find(shared.turn); };
  shared.changed.wait(lock, [&] { return here() != shared.results.end() || shared.running == 0; });
  const auto found = here();
  if (found == shared.results.end()) return std::nullopt;
  Shared::Result result = std::move(found->second);
  shared.results.erase(found);
  ++shared.turn;
  lock.unlock();
  shared.changed.notify_all();
  if (result.failure) std::rethrow_exception(result.failure);
  return std::move(result.computed);
}

}  // namespace attnspec
