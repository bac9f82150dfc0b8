// Two batches between the threads: one that is ready, one that is being read.
#include "lib/dump/batch_reader.hpp"

#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

namespace attnspec {

struct BatchReader::Shared {
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<MatrixBatch> ready;
  bool finished = false, stop = false;
  std::exception_ptr failure;
  double seconds_waited = 0;
  BatchSource source;
  std::jthread thread;

  explicit Shared(BatchSource from) : source(std::move(from)) {}
  ~Shared() {
    {
      const std::lock_guard lock(mutex);
      stop = true;
    }
    changed.notify_all();
  }

  void run() {
    try {
      std::size_t number = 0;
      while (auto batch = source.next(0, number)) {
        std::unique_lock lock(mutex);
        changed.wait(lock, [this] { return stop || !ready; });
        if (stop) return;
        ready = std::move(*batch);
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

BatchReader::BatchReader(BatchSource source) : shared_(std::make_unique<Shared>(std::move(source))) {
  shared_->thread = std::jthread([&shared = *shared_] { shared.run(); });
}
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

}  // namespace attnspec
