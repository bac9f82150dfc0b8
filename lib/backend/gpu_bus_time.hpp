// How long a bus was busy with copies of several streams, of which some are under way at once.
#pragma once

#include <vector>

#include "lib/core/export.hpp"

namespace attnspec {

class ATTNSPEC_API GpuBusTime {
 public:
  /// A copy, in seconds of a clock.
  void add(double begin, double end) { copies_.push_back({begin, end}); }
  /// The clock starts anew: later copies overlap none of those so far.
  void new_clock();
  /// In which at least one copy was under way.
  double seconds() const { return before_ + seconds_of_this_clock(); }

 private:
  struct Copy {
    double begin, end;
  };
  double seconds_of_this_clock() const;

  std::vector<Copy> copies_;
  double before_ = 0;
};

}  // namespace attnspec
