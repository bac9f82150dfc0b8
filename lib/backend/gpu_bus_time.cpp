// The length of a union of intervals.
#include "lib/backend/gpu_bus_time.hpp"

#include <algorithm>
#include <cstddef>

namespace attnspec {

void GpuBusTime::new_clock() {
  before_ += seconds_of_this_clock();
  copies_.clear();
}

double GpuBusTime::seconds_of_this_clock() const {
  std::vector<Copy> sorted = copies_;
  std::sort(sorted.begin(), sorted.end(), [](const Copy& a, const Copy& b) { return a.begin < b.begin; });
  double sum = 0;
  for (std::size_t i = 0; i < sorted.size();) {
    double end = sorted[i].end;
    const double begin = sorted[i].begin;
    for (++i; i < sorted.size() && sorted[i].begin <= end; ++i) end = std::max(end, sorted[i].end);
    sum += end - begin;
  }
  return sum;
}

}  // namespace attnspec
