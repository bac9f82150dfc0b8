// Heads that stay on a card, which is not one, from one call to the next: sent once, and the bits of heads that are
// sent again.
#include <catch2/catch.hpp>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "tests/support/fake_gpu.hpp"
#include "tests/support/heads.hpp"
#include "tests/support/matrices.hpp"

using namespace attnspec;
using namespace attnspec::test;

namespace {

constexpr std::size_t tokens = 10;
/// Of one map on its way to the card.
constexpr std::size_t map_bytes = tokens * tokens * sizeof(double);

std::shared_ptr<FakeGpuLog> counting_card(std::size_t limit = 0) {
  const auto log = std::make_shared<FakeGpuLog>();
  log->counting = true;
  log->limit = limit;
  return log;
}

using Errors = decltype(ErrorList::errors);

/// Gives up at its first error.
struct Refuses final : ErrorSink {
  void take(std::size_t, std::size_t, std::size_t, const OutputError&) override { throw std::runtime_error("enough"); }
};

/// Heads, maps, and what is tried.
struct Trials {
  explicit Trials(std::size_t count = 5, std::size_t queries = tokens, std::uint64_t seed = 9)
      : heads(random_heads(count, queries, tokens, 4, 3, seed)) {}

  std::shared_ptr<const void> keep(Backend& backend) const { return backend.keep(pointers(heads)); }
  /// Of the first constructions.
  Errors errors(Backend& backend, std::size_t tried = 1000) const {
    ErrorList list;
    const std::size_t count = std::min(tried, constructions.size());
    backend.output_errors(pointers(heads), maps.pairs(), {constructions.data(), count}, list);
    return list.errors;
  }

  std::vector<Head> heads;
  Maps maps = Maps(6, tokens, tokens, 6);
  std::vector<Construction> constructions = every_form(tokens, true);
};

/// What crosses the bus in one call.
std::size_t bytes_of_call(const Trials& trials, Backend& backend, const FakeGpuLog& log) {
  const std::size_t before = log.uploaded;
  trials.errors(backend);
  return log.uploaded - before;
}

}  // namespace

TEST_CASE("heads that are kept cross the bus once, whoever is tried between their chunks", "[gpu]") {
  const Trials trials, others(3, 8, 2);
  const std::size_t maps_alone = 6 * map_bytes;
  const auto log = counting_card();
  const auto backend = fake_backend(log);
  const auto kept = trials.keep(*backend), kept_too = others.keep(*backend);

  for (const bool first : {true, false, false}) {
    REQUIRE((bytes_of_call(trials, *backend, *log) > maps_alone) == first);
    REQUIRE((bytes_of_call(others, *backend, *log) > maps_alone) == first);
    if (!first) REQUIRE(bytes_of_call(trials, *backend, *log) == maps_alone);
  }
  REQUIRE(bytes_of_call(Trials(5), *backend, *log) > maps_alone);  // the same numbers, but nobody keeps them
  REQUIRE(log->violations.empty());
}

TEST_CASE("kept heads have the bits that heads have which are sent again, in any limit", "[gpu]") {
  const Trials trials(40), others(3, 8, 2);
  const auto rounds = [&](bool kept, std::size_t limit) {
    const auto log = counting_card(limit);
    const auto backend = fake_backend(log);
    const auto held = kept ? trials.keep(*backend) : nullptr, held_too = kept ? others.keep(*backend) : nullptr;
    std::vector<Errors> found;
    for (int round = 0; round < 2; ++round) {
      found.push_back(trials.errors(*backend));
      found.push_back(others.errors(*backend));
      found.push_back(trials.errors(*backend, 2));  // which leaves room for larger calls
    }
    REQUIRE((limit == 0 || log->peak <= limit));
    REQUIRE(log->violations.empty());
    return std::pair(found, log->uploaded);
  };
  for (std::size_t limit = 16000; limit < 300000; limit += limit / 4) {
    CAPTURE(limit);
    const auto [with, bytes] = rounds(true, limit);
    const auto [without, bytes_again] = rounds(false, limit);

    REQUIRE(with == without);
    REQUIRE(bytes <= bytes_again);
  }
  REQUIRE(rounds(true, 0).second < rounds(false, 0).second);
}

TEST_CASE("a head in the memory of one that is kept no more is another head", "[gpu]") {
  Trials trials(1);
  const auto backend = fake_backend(counting_card());
  auto kept = trials.keep(*backend);
  const auto before = trials.errors(*backend);
  kept.reset();
  trials.heads[0] = random_heads(1, tokens, tokens, 4, 3, 10)[0];
  kept = trials.keep(*backend);

  const auto found = trials.errors(*backend);

  REQUIRE(found == trials.errors(*fake_backend(counting_card())));
  REQUIRE(found != before);
}

TEST_CASE("heads that two keep stay as long as one of them says so", "[gpu]") {
  const Trials trials;
  const auto log = counting_card();
  const auto backend = fake_backend(log);
  auto first = trials.keep(*backend);
  const auto second = trials.keep(*backend);
  const auto truth = trials.errors(*backend);
  first.reset();

  REQUIRE(trials.errors(*backend) == truth);  // may be sent once more
  REQUIRE(bytes_of_call(trials, *backend, *log) == 6 * map_bytes);
}

TEST_CASE("spectra get the card's memory, and kept heads are sent again after them", "[gpu]") {
  const Trials trials;
  const MatrixBatch batch = batch_of({12, 12}, matrices_of({12, 12}, 600));
  const auto log = counting_card(100000);
  const auto backend = fake_backend(log);
  const auto spectra = values_of(backend->singular_values(batch));
  const auto kept = trials.keep(*backend);
  const auto truth = trials.errors(*backend);

  for (int round = 0; round < 2; ++round) {
    REQUIRE(values_of(backend->singular_values(batch)) == spectra);
    REQUIRE(trials.errors(*backend) == truth);
  }
  REQUIRE(log->peak <= log->limit);
  REQUIRE(log->violations.empty());
}

TEST_CASE("kept heads are whole after a sink that gave up", "[gpu]") {
  const Trials trials;
  const auto log = counting_card();
  {
    const auto backend = fake_backend(log);
    const auto kept = trials.keep(*backend);
    for (int round = 0; round < 2; ++round) {
      Refuses sink;
      REQUIRE_THROWS_WITH(
          backend->output_errors(pointers(trials.heads), trials.maps.pairs(), trials.constructions, sink), "enough");

      REQUIRE(trials.errors(*backend) == trials.errors(*fake_backend(counting_card())));
    }
  }
  REQUIRE(log->in_use == 0);
  REQUIRE(log->violations.empty());
}

TEST_CASE("what keeps heads may outlive the backend, and holds none of the card's memory", "[gpu]") {
  const Trials trials;
  const auto log = counting_card();
  auto backend = fake_backend(log);
  const auto kept = trials.keep(*backend);
  trials.errors(*backend);

  backend.reset();

  REQUIRE(kept != nullptr);
  REQUIRE(log->in_use == 0);
  REQUIRE(log->violations.empty());
}
