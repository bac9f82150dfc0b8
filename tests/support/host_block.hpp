// A block of a card's threads on the host: each phase is a loop (lib/backend/gpu_kernels/block.hpp).
#pragma once

#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

namespace attnspec::test {

/// Phases of warps wait for the next phase of all, and then one warp goes through all of them before another begins:
/// what it needs of another it does not find.
class HostBlock {
 public:
  /// `backwards`: from the last thread to the first.
  HostBlock(std::size_t threads, bool backwards) : threads_(threads), backwards_(backwards) {}

  template <class Phase>
  void each_warp(const Phase& phase) {
    of_warps_.emplace_back(phase);
  }

  template <class Phase>
  void each(const Phase& phase) {
    const auto phases = std::exchange(of_warps_, {});
    for (std::size_t first = 0; first < threads_ && !phases.empty(); first += warp)
      for (const auto& one : phases)
        for (std::size_t thread = first; thread < first + warp && thread < threads_; ++thread) one(turned(thread));
    for (std::size_t thread = 0; thread < threads_; ++thread) phase(turned(thread));
  }

 private:
  static constexpr std::size_t warp = 32;

  std::size_t turned(std::size_t thread) const { return backwards_ ? threads_ - 1 - thread : thread; }

  std::size_t threads_;
  bool backwards_;
  std::vector<std::function<void(std::size_t)>> of_warps_;
};

}  // namespace attnspec::test
