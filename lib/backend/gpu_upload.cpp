// The narrowest type that holds every number, found by trying.
#include "lib/backend/gpu_upload.hpp"

#include <algorithm>
#include <atomic>

#include "lib/backend/narrow_numbers.hpp"
#include "lib/core/parallel.hpp"

namespace attnspec {
namespace {

/// Writes all blocks to the host's memory as numbers of this type; false, somewhere on the way, where one does not fit.
bool gathered(GpuNumber type, unsigned threads, std::span<const UploadBlock> blocks, double* to) {
  std::atomic<bool> fits = true;
  for_each_index(blocks.size(), threads, [&](std::size_t i, std::size_t) {
    const UploadBlock& block = blocks[i];
    std::byte* place = reinterpret_cast<std::byte*>(to) + block.first * bytes_of(type);
    if (type == GpuNumber::float64)
      copy_scaled(block.numbers, block.scale, reinterpret_cast<double*>(place));
    else if (fits && (block.scale != 1 || !narrowed(block.numbers, type, place)))
      fits = false;
  });
  return fits;
}

}  // namespace

GpuUpload::GpuUpload(GpuDevice& device, std::size_t count) : on_host_(device, count, true), narrow_(device, count) {}

std::size_t GpuUpload::bytes_on_card(std::size_t count) { return count * sizeof(float); }

void GpuUpload::send(GpuDevice& device, unsigned stream, unsigned threads, std::span<const UploadBlock> blocks,
                     double* to) {
  if (blocks.empty()) return;
  const std::size_t count = blocks.back().first + blocks.back().numbers.size();
  for (const GpuNumber type : {GpuNumber::float16, GpuNumber::bfloat16, GpuNumber::float32}) {
    if (!gathered(type, threads, blocks, on_host_.get())) continue;
    device.upload(stream, narrow_.get(), on_host_.get(), count * bytes_of(type));
    return device.widen(stream, type, narrow_.get(), to, count);
  }
  gathered(GpuNumber::float64, threads, blocks, on_host_.get());
  device.upload(stream, to, on_host_.get(), count * sizeof(double));
}

std::vector<Look> GpuUpload::send_halves(GpuDevice& device, unsigned stream, unsigned threads,
                                         std::span<const std::span<const std::uint16_t>> blocks, double* to) {
  std::vector<Look> looks(blocks.size());
  if (blocks.empty()) return looks;
  const std::size_t size = blocks[0].size(), count = blocks.size() * size;
  auto* halves = reinterpret_cast<std::uint16_t*>(on_host_.get());
  for_each_index(blocks.size(), threads, [&](std::size_t i, std::size_t) {
    looks[i] = look_at(blocks[i], halves + i * size);
    if (!looks[i].seen.finite) std::fill_n(halves + i * size, size, std::uint16_t{0});
  });
  device.upload(stream, narrow_.get(), halves, count * sizeof(std::uint16_t));
  device.widen(stream, GpuNumber::float16, narrow_.get(), to, count);
  return looks;
}

}  // namespace attnspec
