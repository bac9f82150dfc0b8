// Who works with which workspace, where several callers share a few.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <numeric>
#include <vector>

namespace attnspec {

/// Numbers below `count`, each lent to one thread at a time. The last that came back goes out first: its memory is
/// warm.
class WorkerSlots {
 public:
  explicit WorkerSlots(std::size_t count) : free_(count) { std::iota(free_.rbegin(), free_.rend(), std::size_t{0}); }

  /// A slot, held to the end of the block. Waits for one.
  class Loan {
   public:
    explicit Loan(WorkerSlots& slots) : slots_(slots), slot_(slots.take()) {}
    ~Loan() { slots_.give_back(slot_); }
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;
    std::size_t slot() const { return slot_; }

   private:
    WorkerSlots& slots_;
    std::size_t slot_;
  };

 private:
  std::size_t take() {
    std::unique_lock lock(mutex_);
    came_back_.wait(lock, [this] { return !free_.empty(); });
    const std::size_t slot = free_.back();
    free_.pop_back();
    return slot;
  }

  void give_back(std::size_t slot) {
    {
      const std::lock_guard lock(mutex_);
      free_.push_back(slot);
    }
    came_back_.notify_one();
  }

  std::mutex mutex_;
  std::condition_variable came_back_;
  std::vector<std::size_t> free_;
};

}  // namespace attnspec
