// Events are made once and used again; times are read when the copies are over.
#include "lib/backend/cuda/copy_clock.hpp"

#include <algorithm>

#include "lib/backend/cuda/check.hpp"

namespace attnspec::cuda {

TimingEvent::TimingEvent() { check("cudaEventCreate", cudaEventCreateWithFlags(&event_, cudaEventDefault)); }

TimingEvent::~TimingEvent() {
  if (event_ != nullptr) cudaEventDestroy(event_);
}

void TimingEvent::record(cudaStream_t stream) { check("cudaEventRecord", cudaEventRecord(event_, stream)); }

void TimingEvent::wait() { check("cudaEventSynchronize", cudaEventSynchronize(event_)); }

double TimingEvent::seconds_since(const TimingEvent& other) const {
  float milliseconds = 0;
  check("cudaEventElapsedTime", cudaEventElapsedTime(&milliseconds, other.event_, event_));
  return static_cast<double>(milliseconds) / 1e3;
}

CopyClock::CopyClock() {
  check("cudaStreamCreateWithFlags", cudaStreamCreateWithFlags(&idle_stream_, cudaStreamNonBlocking));
}

CopyClock::~CopyClock() {
  if (idle_stream_ != nullptr) cudaStreamDestroy(idle_stream_);
}

bool CopyClock::is_idle() const {
  return std::all_of(under_way_.begin(), under_way_.end(), [](const auto& copies) { return copies.empty(); });
}

/// Floats hold microseconds for some seconds only, and an event that is not over has no time yet.
void CopyClock::start_anew() {
  busy_.new_clock();
  start_.record(idle_stream_);
  start_.wait();
}

CopyClock::Copy CopyClock::take_events() {
  if (spare_.empty()) return {};
  Copy copy = std::move(spare_.back());
  spare_.pop_back();
  return copy;
}

void CopyClock::waited(unsigned number) {
  for (Copy& copy : under_way_[number]) {
    busy_.add(copy.begin.seconds_since(start_), copy.end.seconds_since(start_));
    spare_.push_back(std::move(copy));
  }
  under_way_[number].clear();
}

}  // namespace attnspec::cuda
