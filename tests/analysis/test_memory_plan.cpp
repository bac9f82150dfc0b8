// Batches stay within --max-memory, and what can not fit is said before the work.
#include <catch2/catch.hpp>

#include "analysis/memory_plan.hpp"
#include "lib/core/error.hpp"

using namespace attnspec;

namespace {

constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20;

DumpInfo dump_of(std::vector<std::size_t> lengths) {
  DumpInfo info;
  info.file = "d.h5";
  info.samples = lengths.size();
  info.layers = 2;
  info.heads = 2;
  info.encoding.type = StoredType::float16;
  info.query_lengths = lengths;
  info.key_lengths = lengths;
  return info;
}

Selection all_of(const DumpInfo& info) {
  Selection selection{{}, {0, 1}, {0, 1}};
  for (std::size_t s = 0; s < info.samples; ++s) selection.samples.push_back(s);
  return selection;
}

}  // namespace

TEST_CASE("the batches and every worker's two matrices fit into the memory that is given") {
  const DumpInfo info = dump_of({512});
  const std::uint64_t matrix = 512 * 512 * 8;
  for (const std::uint64_t memory : {90 * mebibyte, 200 * mebibyte, 600 * mebibyte, 8192 * mebibyte})
    for (const unsigned threads : {1U, 2U, 8U, 64U}) {
      const MemoryPlan plan = plan_memory(info, all_of(info), threads, memory, 16, threads);
      CAPTURE(memory / mebibyte, threads, plan.threads, plan.batch_bytes);
      REQUIRE(plan.batch_bytes >= matrix);
      REQUIRE(plan.threads >= 1);
      REQUIRE(plan.threads <= threads);
      REQUIRE((plan.threads + 2) * plan.batch_bytes + 2 * plan.threads * matrix <= memory);
    }
}

TEST_CASE("a matrix that can not fit is refused with the memory that would do") {
  const DumpInfo info = dump_of({20000});

  REQUIRE_THROWS_WITH(plan_memory(info, all_of(info), 2, 1024 * mebibyte), Catch::Contains("give at least"));
}

TEST_CASE("a thousand unlike lengths are refused with a remedy") {
  std::vector<std::size_t> lengths;
  for (std::size_t n = 1; n <= 1000; ++n) lengths.push_back(n);
  const DumpInfo info = dump_of(lengths);

  REQUIRE_THROWS_WITH(plan_memory(info, all_of(info), 2, 256 * mebibyte), Catch::Contains("--length"));
}
