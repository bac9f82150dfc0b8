// Time on the bus: of copies of two streams, and of a backend on a card that is not one.
#include <catch2/catch.hpp>

#include "lib/backend/gpu_bus_time.hpp"
#include "tests/support/fake_gpu.hpp"
#include "tests/support/heads.hpp"
#include "tests/support/matrices.hpp"

using namespace attnspec;
using namespace attnspec::test;

TEST_CASE("copies that are under way at once are counted once, whichever was told of first", "[gpu]") {
  GpuBusTime bus;
  REQUIRE(bus.seconds() == 0);
  bus.add(4, 5);
  bus.add(-1, 1);
  bus.add(0.5, 2);
  bus.add(0, 0.25);  // within another

  REQUIRE(bus.seconds() == 4);

  bus.new_clock();
  bus.add(0, 2);
  REQUIRE(bus.seconds() == 6);
}

TEST_CASE("a GPU backend tells the time of its copies, once it was asked to", "[gpu]") {
  const MatrixBatch batch = batch_of({12, 12}, matrices_of({12, 12}, 70));
  const std::vector<Head> heads = random_heads(3, 6, 6, 4, 2, 1);
  const Maps maps(3, 6, 6, 2);
  const auto log = std::make_shared<FakeGpuLog>();
  const auto backend = fake_backend(log);
  const auto spectra = values_of(backend->singular_values(batch));
  REQUIRE(backend->seconds_on_bus() == 0);
  const std::size_t before = log->uploaded + log->downloaded;

  REQUIRE(backend->time_bus());
  REQUIRE(values_of(backend->singular_values(batch)) == spectra);
  ErrorList errors;
  backend->output_errors(pointers(heads), maps.pairs(), every_form(6), errors);

  const std::size_t bytes = log->uploaded + log->downloaded - before;
  REQUIRE(backend->seconds_on_bus() == static_cast<double>(bytes) * FakeGpuLog::seconds_a_byte);
}

TEST_CASE("a backend without a card has no bus", "[gpu]") {
  const auto backend = make_reference();

  REQUIRE(!backend->time_bus());
  REQUIRE(backend->seconds_on_bus() == 0);
}
