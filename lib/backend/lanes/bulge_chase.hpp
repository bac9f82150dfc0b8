// What both bulge chases share: the reflector of a column or a row, and sweeps that follow one another down the band.
// A matrix a lane, in double precision.
#pragma once

#include <algorithm>
#include <type_traits>

#include "lib/backend/lanes/vector.hpp"

namespace attnspec::ATTNSPEC_LANES {

/// A sweep under way: the reflector that its next step has to apply, and where that begins.
template <int b>
struct Chase {
  Doubles v[b], tau;
  int start, size;
  bool on;
};

/// The reflector of x[0], x[step], ...: x becomes (beta, 0, ...), v[0] is 1. A tail of nothing has tau = 0.
inline void chase_reflector(Doubles* x, int step, int size, Doubles* v, Doubles& tau) {
  constexpr double smallest_tail = 1e-56;  // squared, where the largest value is at least 1
  Doubles even{}, odd{};
  int i = 1;
  for (; i + 1 < size; i += 2) {
    const Doubles p = x[i * step], q = x[(i + 1) * step];
    even += p * p;
    odd += q * q;
  }
  if (i < size) even += x[i * step] * x[i * step];
  const Doubles tail = even + odd, head = x[0], norm = root(head * head + tail);
  const DoubleMask on = tail > all(smallest_tail);
  const Doubles beta = head < Doubles{} ? norm : -norm;
  const Doubles scale = on ? 1.0 / (head - beta) : Doubles{};
  tau = on ? (beta - head) / beta : Doubles{};
  v[0] = all(1.0);
  for (i = 1; i < size; ++i) {
    v[i] = x[i * step] * scale;
    x[i * step] = Doubles{};
  }
  x[0] = on ? beta : head;
}

/// Four sweeps at a time, `apart` steps behind one another, so that the band comes from cache once for all of them.
/// begin(row, chase) makes the first reflector; step(chase, full) is false at the end of the band, `full` a constant:
/// whether both blocks of the step are b x b.
template <int b, int apart, class Begin, class Step>
void chase_bulges(int n, Begin begin, Step step) {
  constexpr int together = 4;
  Chase<b> chases[together];
  for (int first = 0; first < n - 1; first += together) {
    const int count = std::min(together, n - 1 - first);
    int done = 0;
    for (Chase<b>& chase : chases) chase.on = false;
    for (int time = 0; done < count; ++time)
      for (int s = 0; s < count && apart * s <= time; ++s) {
        Chase<b>& chase = chases[s];
        if (time == apart * s) {
          const int row = first + s;
          chase.size = std::min(b, n - 1 - row);
          chase.start = row + 1;
          begin(row, chase);
          chase.on = true;
        }
        if (!chase.on) continue;
        const bool full = chase.size == b && chase.start + 2 * b <= n;
        if (full ? step(chase, std::true_type()) : step(chase, std::false_type())) continue;
        chase.on = false;
        ++done;
      }
  }
}

}  // namespace attnspec::ATTNSPEC_LANES
