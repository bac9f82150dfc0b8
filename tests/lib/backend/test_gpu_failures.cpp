// What the GPU backend makes of a card with too little memory, of calls that fail, and of a card that is lost, on a
// card that is not one.
#include <catch2/catch.hpp>

#include <functional>
#include <optional>
#include <random>
#include <string>

#include "lib/core/error.hpp"
#include "tests/support/fake_gpu.hpp"
#include "tests/support/heads.hpp"
#include "tests/support/matrices.hpp"

using namespace attnspec;
using namespace attnspec::test;

namespace {

/// A backend at work in one of its ways; what comes out, as numbers.
struct Job {
  std::string name;
  GpuMethod method;
  std::optional<GpuEigenRoute> route;
  std::function<std::vector<std::vector<double>>(Backend&)> work;

  std::unique_ptr<Backend> backend(const std::shared_ptr<FakeGpuLog>& log) const {
    return fake_backend(log, method, route);
  }
};

MatrixBatch query_key_batch(MatrixShape shape, std::size_t count) {
  std::mt19937_64 bits(count);
  std::normal_distribution<double> normal;
  auto heads = std::make_unique<QueryKeyHeads>();
  heads->rank = 2;
  heads->rules.resize(count);
  for (std::size_t i = 0; i < count * shape.rows * 2; ++i) heads->queries.push_back(normal(bits));
  for (std::size_t i = 0; i < count * shape.cols * 2; ++i) heads->keys.push_back(normal(bits));
  return {shape, std::vector<MatrixId>(count), std::move(heads)};
}

std::function<std::vector<std::vector<double>>(Backend&)> spectra_of(MatrixShape shape, std::size_t count) {
  return [shape, count](Backend& backend) {
    return values_of(backend.singular_values(batch_of(shape, matrices_of(shape, count))));
  };
}

std::vector<std::vector<double>> trials(Backend& backend) {
  const std::vector<Head> heads = random_heads(3, 6, 6, 4, 2, 1);
  const Maps maps(3, 6, 6, 2);
  ErrorList errors;
  const auto kept = backend.keep(pointers(heads));
  for (int chunk = 0; chunk < 2; ++chunk)
    backend.output_errors(pointers(heads), maps.pairs(), every_form(6, true), errors);
  std::vector<std::vector<double>> cells;
  for (const auto& [place, error] : errors.errors) cells.push_back(error.cells);
  return cells;
}

/// `count` matrices a batch, of about the same memory.
std::vector<Job> jobs(std::size_t count) {
  const MatrixShape square{12, 12};
  return {{"together", GpuMethod::gram, GpuEigenRoute::together, spectra_of(square, count)},
          {"apart", GpuMethod::gram, GpuEigenRoute::apart, spectra_of(square, count)},
          {"two stages", GpuMethod::gram, GpuEigenRoute::two_stage, spectra_of({20, 20}, count)},
          {"direct", GpuMethod::direct, {}, spectra_of(square, count)},
          {"direct, turned", GpuMethod::direct, {}, spectra_of({12, 7}, count)},
          {"queries and keys", GpuMethod::gram, {}, [square, count](Backend& backend) {
             return values_of(backend.singular_values(query_key_batch(square, count)));
           }}};
}

std::vector<Job> all_jobs(std::size_t count) {
  auto all = jobs(count);
  all.push_back({"trials", GpuMethod::gram, {}, trials});
  return all;
}

}  // namespace

TEST_CASE("a batch is cut to the card's memory, and every cut gives the same values", "[gpu]") {
  for (const std::size_t memory : {std::size_t{64} << 10, std::size_t{160} << 10, std::size_t{1} << 20})
    for (const std::size_t size : {1U, 2U, 3U, 7U, 8U, 9U, 63U, 64U, 65U, 129U, 300U})
      for (const Job& job : jobs(size)) {
        CAPTURE(memory, size, job.name);
        const auto small = std::make_shared<FakeGpuLog>(), large = std::make_shared<FakeGpuLog>();
        small->memory = memory;

        REQUIRE(job.work(*job.backend(small)) == job.work(*job.backend(large)));

        REQUIRE(small->peak <= memory);
        REQUIRE(small->in_use == 0);
        REQUIRE(small->violations.empty());
        if (memory < 100000 && size > 100) REQUIRE(small->waits > large->waits);
      }
}

TEST_CASE("no more of the card is in use than the limit, with what its libraries take", "[gpu]") {
  const auto limited = [] {
    const auto log = std::make_shared<FakeGpuLog>();
    log->limit = 200000;
    log->handle_bytes = 9000;
    return log;
  };
  for (const Job& job : all_jobs(600)) {
    CAPTURE(job.name);
    const auto log = limited();

    REQUIRE(job.work(*job.backend(log)) == job.work(*job.backend(std::make_shared<FakeGpuLog>())));

    REQUIRE(log->peak <= log->limit);
    if (job.name != "trials") REQUIRE(log->peak > log->limit / 2);
    REQUIRE(log->violations.empty());
  }
}

TEST_CASE("spectra and trials of one backend do not hold the limit twice", "[gpu]") {
  const auto log = std::make_shared<FakeGpuLog>();
  log->limit = 100000;
  const auto backend = fake_backend(log);
  const auto spectra = spectra_of({12, 12}, 600);
  const auto alone = spectra(*backend);

  const auto first = trials(*backend);

  REQUIRE(spectra(*backend) == alone);
  REQUIRE(trials(*backend) == first);
  REQUIRE(log->peak <= log->limit);
  REQUIRE(log->violations.empty());
}

TEST_CASE("a card with no room for a matrix says how much it needs", "[gpu]") {
  const auto log = std::make_shared<FakeGpuLog>();
  log->memory = 20000;
  const auto backend = fake_backend(log);

  try {
    backend->singular_values(batch_of({64, 64}, matrices_of({64, 64}, 3)));
    FAIL("nothing was thrown");
  } catch (const Error& error) {
    REQUIRE(error.kind() == ErrorKind::limit);
    REQUIRE_THAT(error.what(),
                 Catch::Contains("no room for matrices of 64 x 64") && Catch::Contains("--max-memory-device"));
  }
  REQUIRE(log->in_use == GpuDevice::streams * log->handle_bytes);
}

TEST_CASE("a card with less room than it was said to have gets smaller cuts", "[gpu]") {
  const MatrixShape shape{16, 16};
  const auto log = std::make_shared<FakeGpuLog>();
  const auto backend =
      make_gpu_backend(std::make_unique<FakeGpu>(log), make_reference(), {GpuMethod::gram, std::size_t{1} << 30, 1});
  log->memory = 100000;  // other programs took the rest
  const MatrixBatch batch = batch_of(shape, matrices_of(shape, 40));

  const auto spectra = backend->singular_values(batch);

  REQUIRE(values_of(spectra) == values_of(fake_backend(std::make_shared<FakeGpuLog>())->singular_values(batch)));
  REQUIRE(log->two_stage > 1);
  REQUIRE(log->violations.empty());
}

TEST_CASE("whichever allocation finds no room, the answer is the same or the limit is told", "[gpu]") {
  for (const Job& job : all_jobs(30)) {
    const auto whole = std::make_shared<FakeGpuLog>();
    const auto truth = job.work(*job.backend(whole));
    REQUIRE(whole->allocations > 0);
    for (std::size_t one = 0; one < whole->allocations; ++one) {
      CAPTURE(job.name, one);
      const auto log = std::make_shared<FakeGpuLog>();
      log->full_allocation = one;
      try {
        const auto found = job.work(*job.backend(log));
        REQUIRE(found == truth);
      } catch (const Error& error) {
        REQUIRE(error.kind() == ErrorKind::limit);
        REQUIRE_THAT(error.what(), Catch::Contains("--device cpu"));
      }
      REQUIRE(log->in_use == 0);
      REQUIRE(log->violations.empty());
    }
  }
}

TEST_CASE("whichever call loses the card, the error is one of attnspec and all memory comes back", "[gpu]") {
  for (const Job& job : all_jobs(30)) {
    const auto whole = std::make_shared<FakeGpuLog>();
    job.work(*job.backend(whole));
    for (std::size_t call = 0; call < whole->calls; ++call) {
      CAPTURE(job.name, call);
      const auto log = std::make_shared<FakeGpuLog>();
      log->failing_call = call;
      try {
        job.work(*job.backend(log));
        FAIL("nothing was thrown");
      } catch (const Error& error) {
        REQUIRE(error.kind() == ErrorKind::unsupported);
        REQUIRE_THAT(error.what(),
                     Catch::Contains("the GPU failed: fake: told to fail") && Catch::Contains("--resume"));
      }
      REQUIRE(log->in_use == 0);
      REQUIRE(log->violations.empty());
    }
  }
}

TEST_CASE("after a call that failed once the same backend gives the right answer", "[gpu]") {
  for (const Job& job : all_jobs(30)) {
    const auto whole = std::make_shared<FakeGpuLog>();
    const auto truth = job.work(*job.backend(whole));
    for (std::size_t call = 0; call < whole->calls; ++call) {
      CAPTURE(job.name, call);
      const auto log = std::make_shared<FakeGpuLog>();
      log->failing_once = call;
      {
        const auto backend = job.backend(log);
        REQUIRE_THROWS_WITH(job.work(*backend), Catch::Contains("told to fail"));

        REQUIRE(job.work(*backend) == truth);
      }
      REQUIRE(log->in_use == 0);
      REQUIRE(log->violations.empty());
    }
  }
}
