// What a verification sends to a card, which is not one.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "analysis/verification.hpp"
#include "lib/dump/attention_dump.hpp"
#include "lib/dump/dump_writer.hpp"
#include "tests/support/fake_gpu.hpp"
#include "tests/support/matrices.hpp"

using namespace attnspec;

TEST_CASE("more trials send their maps to the card and no head again", "[gpu]") {
  constexpr std::size_t n = 12, k = 3;
  const auto path = std::filesystem::temp_directory_path() / ("attnspec-on-gpu-" + std::to_string(getpid()) + ".h5");
  std::filesystem::remove(path);
  DumpHeader header;
  header.model = "test";
  header.n = n;
  DumpWriter writer(path, header);
  writer.write_attention({0, 0, 0}, test::random_attention({n, n}, 1, 4));
  writer.finish();
  const AttentionDump dump(path);
  std::filesystem::remove(path);
  VerifyOptions options;
  options.selection = dump.everything();
  options.claims = {Claim::theorem1};
  options.constructions = {"paper"};
  options.columns = {"ones"};
  options.ks = {k};
  const auto bytes = [&](std::size_t trials) {
    const auto log = std::make_shared<test::FakeGpuLog>();
    VerifyObserver observer;
    options.trials = trials;
    verify(dump, *test::fake_backend(log), options, observer);
    return log->uploaded;
  };

  const std::size_t of_a_chunk = bytes(Backend::trial_group), of_four = bytes(4 * Backend::trial_group);

  REQUIRE(of_four - of_a_chunk == 3 * Backend::trial_group * k * n * sizeof(double));
}
