// Heads of one kind on a card, where they stay for all their trials.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "lib/backend/gpu_device.hpp"
#include "lib/backend/gpu_fixed_calls.hpp"
#include "lib/core/error.hpp"
#include "lib/core/head.hpp"

namespace attnspec {

/// What heads must have in common to be worked on together.
struct HeadKind {
  std::size_t queries = 0, tokens = 0, width = 0;
  std::vector<std::size_t> group_ends;
  bool logits = false;
  std::size_t rank = 0;      ///< columns of logits.query
  std::size_t key_cols = 0;  ///< 0 where logits.query is A itself

  explicit HeadKind(const Head& head);
  bool operator==(const HeadKind&) const = default;

  std::size_t cells() const { return queries * width; }
  std::size_t groups() const { return group_ends.size(); }
};

/// What is under way may still write to memory that is given back next; a card that fails once more does not.
void wait_quietly(GpuDevice& device, unsigned stream) noexcept;

/// The card has less room than it said: fewer heads may fit.
struct NoRoom : Error {
  explicit NoRoom(const std::string& what) : Error(ErrorKind::limit, what) {}
};

/// Numbers on the card; throws NoRoom.
struct Numbers {
  GpuMemory<double> memory;

  Numbers(GpuDevice& device, std::size_t count, bool on_host = false) : memory(device, count, on_host) {
    if (!memory)
      throw NoRoom("the GPU has no room for " + std::to_string((count * sizeof(double) >> 20) + 1) +
                   " MiB of a trial, whatever its memory says; take --device cpu");
  }
  double* get() const { return memory.get(); }
};

/// Heads on the card, one after another.
class HeadBlock {
 public:
  /// Products will be made in calls of `a_call` heads. Throws NoRoom.
  HeadBlock(GpuDevice& device, const HeadKind& of_heads, std::span<const Head* const> heads, std::size_t a_call);

  /// Of the card's memory, where there is room for `held` heads.
  static std::size_t bytes(const HeadKind& kind, std::size_t held);
  std::size_t bytes() const { return bytes(kind, held()); }
  /// Heads that there is room for: whole calls.
  std::size_t held() const { return in_whole_calls(count, a_call); }

  const HeadKind kind;
  const std::size_t count, a_call;
  const Numbers attention, columns, targets, query, key, log_sums;
  const GpuMemory<std::size_t> group_ends;

 private:
  void send_all(GpuDevice& device, std::span<const Head* const> heads);
};

}  // namespace attnspec
