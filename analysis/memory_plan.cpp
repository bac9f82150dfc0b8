// The arithmetic of memory.
#include "analysis/memory_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "lib/core/error.hpp"

namespace attnspec {
namespace {

constexpr std::uint64_t libraries = std::uint64_t{64} << 20;  // code, OpenBLAS's buffers, raw reads
constexpr std::uint64_t usual_batch = std::uint64_t{32} << 20;
constexpr std::uint64_t bytes_a_curve_point = 2 * 48 + 200;  // sums, their copy, and the text of spectrum.csv
constexpr std::uint64_t matrices_a_thread = 4;               // so that no worker waits long for the last one

std::string mebibytes(std::uint64_t bytes) {
  return fmt::format("{} MiB", (bytes + (std::uint64_t{1} << 20) - 1) >> 20);
}

std::uint64_t bytes_of_sums(const DumpInfo& info, const Selection& selection) {
  std::set<MatrixShape> shapes;
  for (const std::size_t sample : selection.samples) shapes.insert(info.shape_of(sample));
  std::uint64_t points = 0;
  for (const MatrixShape& shape : shapes) points += shape.smaller_side();
  return points * selection.layers.size() * selection.heads.size() * bytes_a_curve_point;
}

std::uint64_t bytes_of_largest(const DumpInfo& info, const Selection& selection) {
  std::uint64_t largest = 0;
  for (const std::size_t sample : selection.samples)
    largest = std::max<std::uint64_t>(largest, info.shape_of(sample).elements() * sizeof(double));
  return largest;
}

}  // namespace

MemoryPlan plan_memory(const DumpInfo& info, const Selection& selection, unsigned threads, std::uint64_t max_memory,
                       std::size_t good_batch) {
  const std::uint64_t matrix = bytes_of_largest(info, selection), sums = bytes_of_sums(info, selection);
  const std::uint64_t raw =
      matrix / sizeof(double) * std::max<std::size_t>(1, bytes_of(info.encoding.type)) + 2 * info.largest_chunk_bytes;
  if (info.largest_chunk_bytes > max_memory / 4)
    throw Error(
        ErrorKind::limit,
        fmt::format("{}: its chunks are {} each, and --max-memory is {}; give at least {}, or re-save it in smaller "
                    "chunks with h5repack",
                    info.file, mebibytes(info.largest_chunk_bytes), mebibytes(max_memory),
                    mebibytes(4 * info.largest_chunk_bytes)));
  // Four batches of one matrix, one worker with two, one raw tile, and what is always there.
  const auto needed = [&](std::uint64_t workers) { return libraries + sums + raw + (4 + 2 * workers) * matrix; };
  const bool one_length = std::all_of(selection.samples.begin(), selection.samples.end(), [&](std::size_t sample) {
    return info.shape_of(sample) == info.shape_of(selection.samples.front());
  });
  if (!one_length && sums > max_memory / 2)
    throw Error(ErrorKind::limit,
                fmt::format("{}: the curves of so many unlike lengths take {}, and --max-memory is {}; "
                            "pick one length with --length N, or fewer --layers",
                            info.file, mebibytes(sums), mebibytes(max_memory)));
  if (needed(1) > max_memory)
    throw Error(
        ErrorKind::limit,
        fmt::format("{}: one matrix of {} takes {} with its workspace, and --max-memory is {}; give at least {}",
                    info.file, mebibytes(matrix), mebibytes(needed(1)), mebibytes(max_memory), mebibytes(needed(1))));
  MemoryPlan plan;
  plan.threads = threads;
  while (plan.threads > 1 && needed(plan.threads) > max_memory) --plan.threads;
  const std::uint64_t left = max_memory - libraries - sums - raw - 2 * plan.threads * matrix;
  const std::uint64_t few = good_batch > 0 ? good_batch : matrices_a_thread * plan.threads;
  const std::uint64_t wanted = std::max(usual_batch, few * matrix);
  plan.batch_bytes = std::max(matrix, std::min(wanted, left / 4));
  return plan;
}

}  // namespace attnspec
