// How long a piece of work keeps its thread's processor busy, and how long it leaves it idle.
#pragma once

#include <atomic>
#include <chrono>
#include <ctime>

namespace attnspec {

/// Adds the processor time of the calling thread, from here to the end of the block, in seconds; and to `idle`, where
/// it is given, the time in which it waited.
class ThreadTime {
 public:
  explicit ThreadTime(std::atomic<double>* busy, std::atomic<double>* idle = nullptr) : busy_(busy), idle_(idle) {}
  ~ThreadTime() {
    const double busy = processor_seconds() - start_;
    if (busy_ != nullptr) *busy_ += busy;
    if (idle_ != nullptr) *idle_ += std::chrono::duration<double>(Clock::now() - wall_start_).count() - busy;
  }
  ThreadTime(const ThreadTime&) = delete;
  ThreadTime& operator=(const ThreadTime&) = delete;

 private:
  using Clock = std::chrono::steady_clock;

  static double processor_seconds() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
  }

  std::atomic<double>*busy_, *idle_;
  Clock::time_point wall_start_ = Clock::now();
  double start_ = processor_seconds();
};

}  // namespace attnspec
