// When copies begin and end on the card's own clock: an event before each and one behind it.
#pragma once

#include <cuda_runtime_api.h>

#include <array>
#include <utility>
#include <vector>

#include "lib/backend/gpu_bus_time.hpp"
#include "lib/backend/gpu_device.hpp"

namespace attnspec::cuda {

class TimingEvent {
 public:
  TimingEvent();
  TimingEvent(TimingEvent&& other) noexcept : event_(std::exchange(other.event_, nullptr)) {}
  TimingEvent& operator=(TimingEvent&& other) noexcept {
    std::swap(event_, other.event_);
    return *this;
  }
  ~TimingEvent();

  void record(cudaStream_t stream);
  void wait();
  double seconds_since(const TimingEvent& other) const;

 private:
  cudaEvent_t event_ = nullptr;
};

class CopyClock {
 public:
  CopyClock();
  CopyClock(const CopyClock&) = delete;
  CopyClock& operator=(const CopyClock&) = delete;
  ~CopyClock();

  /// Queues a copy by `queue()`, on the stream of this number.
  template <class Queue>
  void around(unsigned number, cudaStream_t stream, Queue queue) {
    if (is_idle()) start_anew();
    Copy copy = take_events();
    copy.begin.record(stream);
    queue();
    copy.end.record(stream);
    under_way_[number].push_back(std::move(copy));
  }
  /// The stream of this number was waited for.
  void waited(unsigned number);
  double seconds() const { return busy_.seconds(); }

 private:
  struct Copy {
    TimingEvent begin, end;
  };

  bool is_idle() const;
  void start_anew();
  Copy take_events();

  cudaStream_t idle_stream_ = nullptr;  ///< nothing is queued before the start
  TimingEvent start_;
  std::array<std::vector<Copy>, GpuDevice::streams> under_way_;
  std::vector<Copy> spare_;
  GpuBusTime busy_;
};

}  // namespace attnspec::cuda
