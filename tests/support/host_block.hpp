// A block of a card's threads on the host: each phase is a loop (lib/backend/gpu_kernels/block.hpp).
#pragma once

#include <cstddef>

namespace attnspec::test {

struct HostBlock {
  std::size_t threads;
  bool backwards;  ///< from the last thread to the first

  template <class Phase>
  void each(const Phase& phase) {
    for (std::size_t thread = 0; thread < threads; ++thread) phase(backwards ? threads - 1 - thread : thread);
  }
  template <class Phase>
  void each_warp(const Phase& phase) {
    each(phase);
  }
};

}  // namespace attnspec::test
