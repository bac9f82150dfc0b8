// Reads a dump as `spectrum` does and computes nothing: attnspec's side of bench_reading.py. Prints JSON.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "lib/dump/attention_dump.hpp"
#include "lib/dump/batch_reader.hpp"

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s DUMP.h5 THREADS\n", argv[0]);
    return EXIT_FAILURE;
  }
  using Clock = std::chrono::steady_clock;
  const auto seconds_since = [](Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  try {
    const auto start = Clock::now();
    const attnspec::AttentionDump dump(argv[1]);
    const double opening = seconds_since(start);
    constexpr std::size_t batch_bytes = std::size_t{32} << 20;
    attnspec::BatchReader reader(
        dump.batches(dump.everything(),
                     {batch_bytes, 1, static_cast<unsigned>(std::strtoul(argv[2], nullptr, 10)), 0, false, false}));
    std::size_t matrices = 0;
    double sum = 0;
    while (const auto batch = reader.next()) {
      for (std::size_t b = 0; b < batch->size(); ++b) sum += batch->matrix(b)[0];
      matrices += batch->size();
    }
    std::printf("{\"seconds\": %.6f, \"opening\": %.6f, \"matrices\": %zu, \"sum\": %.17g}\n", seconds_since(start),
                opening, matrices, sum);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return EXIT_FAILURE;
  }
  return EXIT_SUCCESS;
}
