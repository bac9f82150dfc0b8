// Numbers on their way to the card, in the fewest bytes that hold them: what a dump stored in half precision crosses
// the bus as such, and is widened there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "lib/backend/gpu_device.hpp"
#include "lib/backend/screening.hpp"
#include "lib/core/export.hpp"

namespace attnspec {

/// One of the blocks that are sent together, which lie one after another on the card, at most a few numbers apart.
struct UploadBlock {
  std::span<const double> numbers;
  std::size_t first = 0;  ///< its place there, in numbers
  double scale = 1;       ///< the card gets numbers / scale
};

class ATTNSPEC_API GpuUpload {
 public:
  GpuUpload() = default;
  /// For at most `count` numbers a time. Empty where there is no room: check with bool.
  GpuUpload(GpuDevice& device, std::size_t count);

  explicit operator bool() const { return on_host_ && narrow_; }
  /// What it takes of the card's memory.
  static std::size_t bytes_on_card(std::size_t count);

  /// Queues the blocks' way to `to`. Until the stream was waited for, nothing else may be sent.
  void send(GpuDevice& device, unsigned stream, unsigned threads, std::span<const UploadBlock> blocks, double* to);
  /// The same of blocks of one size that are halves already; gives what was seen of each on the way. Zeros go in the
  /// place of one that is not finite.
  std::vector<Look> send_halves(GpuDevice& device, unsigned stream, unsigned threads,
                                std::span<const std::span<const std::uint16_t>> blocks, double* to);

 private:
  GpuMemory<double> on_host_;
  GpuMemory<float> narrow_;  ///< on the card, before it is widened
};

}  // namespace attnspec
