// The arithmetic of memory.
#include "analysis/memory_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "lib/core/error.hpp"

namespace attnspec {
namespace {

constexpr std::uint64_t libraries = std::uint64_t{64} << 20;  // code, OpenBLAS's buffers, raw reads
constexpr std::uint64_t usual_batch = std::uint64_t{16} << 20;
constexpr std::uint64_t bytes_a_curve_point = 2 * 48 + 2 * 200;  // sums, text of spectrum.csv, and their copies

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
                       std::size_t good_batch, unsigned callers) {
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
  // Batches of one matrix, raw tiles, workers with two matrices each, and what is always there.
  const auto batches = [&](std::uint64_t workers) { return 2 + std::min<std::uint64_t>(callers, workers); };
  const auto fixed = [&](std::uint64_t workers) {
    return libraries + sums + (batches(workers) - 1) * raw + 2 * workers * matrix;
  };
  const auto needed = [&](std::uint64_t workers) { return fixed(workers) + batches(workers) * matrix; };
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
  const std::uint64_t left = max_memory - fixed(plan.threads);
  std::uint64_t wanted = std::max(usual_batch, good_batch * matrix);
  // As many rounds as that makes, each of one batch a thread, and all batches alike: no thread waits for the last ones.
  const std::uint64_t round = std::max<std::uint64_t>(1, wanted / std::max<std::uint64_t>(1, matrix)) *
                              std::min<std::uint64_t>(callers, plan.threads),
                      all = std::max<std::size_t>(1, selection.matrices()),
                      count = (all + round - 1) / round * std::min<std::uint64_t>(callers, plan.threads);
  wanted = std::min(wanted, (all + count - 1) / count * matrix);
  plan.batch_bytes = std::max(matrix, std::min(wanted, left / batches(plan.threads)));
  return plan;
}

}  // namespace attnspec
