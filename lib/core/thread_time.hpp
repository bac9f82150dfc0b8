// How long a piece of work keeps its thread's processor busy.
#pragma once

#include <atomic>
#include <ctime>

namespace attnspec {

/// Adds the processor time of the calling thread, from here to the end of the block, in seconds.
class ThreadTime {
 public:
  explicit ThreadTime(std::atomic<double>& seconds) : seconds_(seconds), start_(now()) {}
  ~ThreadTime() { seconds_ += now() - start_; }
  ThreadTime(const ThreadTime&) = delete;
  ThreadTime& operator=(const ThreadTime&) = delete;

 private:
  static double now() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
  }

  std::atomic<double>& seconds_;
  double start_;
};

}  // namespace attnspec
