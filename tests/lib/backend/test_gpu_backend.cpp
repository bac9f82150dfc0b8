// The GPU backend's own part, on a card that is not one: what is queued in which order, and what comes of it. What a
// real card computes is tested with every other backend, where there is one.
#include <catch2/catch.hpp>

#include <limits>
#include <tuple>

#include "lib/backend/gpu_backend.hpp"
#include "lib/backend/gpu_routes.hpp"
#include "tests/support/fake_gpu.hpp"
#include "tests/support/heads.hpp"
#include "tests/support/matrices.hpp"
#include "tests/support/tolerance.hpp"

using namespace attnspec;
using namespace attnspec::test;

TEST_CASE("on a fake card every shape and family has the reference's singular values", "[gpu]") {
  const auto reference = make_reference();
  for (const bool eager : {false, true})
    for (const GpuMethod method : {GpuMethod::gram, GpuMethod::direct})
      for (const MatrixShape shape : {MatrixShape{1, 1}, {2, 2}, {5, 3}, {3, 5}, {1, 7}, {7, 1}, {17, 17}, {40, 16}})
        for (const std::string& name : family_names()) {
          CAPTURE(eager, method == GpuMethod::gram, shape.rows, shape.cols, name);
          const auto log = std::make_shared<FakeGpuLog>();
          log->eager = eager;
          const MatrixBatch batch = batch_of(shape, {family(name, shape, 1), family(name, shape, 2)});

          const auto spectra = fake_backend(log, method)->singular_values(batch);

          const auto truth = reference->singular_values(batch);
          for (std::size_t b = 0; b < truth.size(); ++b) {
            REQUIRE(spectra[b].status == SvdStatus::ok);
            const double sigma_1 = truth[b].values.front();
            const double allowed =
                sigma_tolerance(method == GpuMethod::gram ? "gram" : "direct", shape, sigma_1) +
                std::numeric_limits<double>::denorm_min() * static_cast<double>(shape.rows + shape.cols);
            REQUIRE(largest_difference(spectra[b].values, truth[b].values) <= allowed);
          }
          REQUIRE(log->violations.empty());
        }
}

TEST_CASE("batches of many shapes go through one backend", "[gpu]") {
  const auto log = std::make_shared<FakeGpuLog>();
  const auto backend = fake_backend(log);
  for (const std::size_t n : {20U, 5U, 20U, 33U, 1U, 20U}) {
    const MatrixBatch batch = batch_of({n, n}, matrices_of({n, n}, 9));

    REQUIRE(values_of(backend->singular_values(batch)) ==
            values_of(fake_backend(std::make_shared<FakeGpuLog>())->singular_values(batch)));
  }
  REQUIRE(log->violations.empty());
}

TEST_CASE("memory is taken once for batches of one shape", "[gpu]") {
  const auto log = std::make_shared<FakeGpuLog>();
  const auto backend = fake_backend(log);
  const MatrixBatch batch = batch_of({8, 8}, matrices_of({8, 8}, 20));
  backend->singular_values(batch);
  const std::size_t blocks = log->blocks;

  backend->singular_values(batch);

  REQUIRE(log->blocks == blocks);
}

TEST_CASE("a batch keeps every lane of a card at work, also where it takes several rounds", "[gpu]") {
  for (const auto& [shape, count, lanes] : {std::tuple{MatrixShape{8, 8}, 128U, 1U},
                                            {MatrixShape{8, 8}, 300U, 2U},
                                            {MatrixShape{8, 8}, 2000U, GpuDevice::streams},
                                            {MatrixShape{3, 700}, 1500U, GpuDevice::streams}})
    for (const std::size_t room : {std::size_t{1} << 30, std::size_t{1} << 25}) {
      CAPTURE(shape.rows, count, room);
      const auto log = std::make_shared<FakeGpuLog>();
      log->limit = room;

      fake_backend(log)->singular_values(batch_of(shape, matrices_of(shape, count)));

      REQUIRE(log->side_by_side == lanes);
      REQUIRE(log->violations.empty());
    }
}

TEST_CASE("the table's route is taken, by the smaller side, and another where one is named", "[gpu]") {
  const auto calls = [](MatrixShape shape, std::optional<GpuEigenRoute> route) {
    const auto log = std::make_shared<FakeGpuLog>();
    fake_backend(log, GpuMethod::gram, route)->singular_values(batch_of(shape, matrices_of(shape, 1)));
    REQUIRE(log->together + log->apart + log->two_stage == 1);
    return log->together == 1 ? GpuEigenRoute::together
           : log->apart == 1  ? GpuEigenRoute::apart
                              : GpuEigenRoute::two_stage;
  };
  for (const std::size_t n : {20U, 256U, 257U}) REQUIRE(calls({n, n}, {}) == route_of(n));
  REQUIRE(calls({300, 20}, {}) == route_of(20));
  for (const GpuEigenRoute route : {GpuEigenRoute::together, GpuEigenRoute::apart, GpuEigenRoute::two_stage})
    REQUIRE(calls({20, 20}, route) == route);
}

TEST_CASE("a route is named in one of three words", "[gpu]") {
  REQUIRE(!parse_route(nullptr));
  REQUIRE(!parse_route(""));
  REQUIRE(parse_route("together") == GpuEigenRoute::together);
  REQUIRE(parse_route("apart") == GpuEigenRoute::apart);
  REQUIRE(parse_route("two-stage") == GpuEigenRoute::two_stage);
  REQUIRE_THROWS_WITH(parse_route("fast"), Catch::Contains("ATTNSPEC_GPU_ROUTE is \"fast\""));
}

namespace {

/// The route whose solver says how it ended.
std::unique_ptr<Backend> with_solver(const std::shared_ptr<FakeGpuLog>& log) {
  return fake_backend(log, GpuMethod::gram, GpuEigenRoute::together);
}

}  // namespace

TEST_CASE("a solver that gives up costs its own matrix only", "[gpu]") {
  const MatrixShape shape{10, 10};
  const MatrixBatch batch = batch_of(shape, matrices_of(shape, 7));
  const auto clean = with_solver(std::make_shared<FakeGpuLog>())->singular_values(batch);
  const auto log = std::make_shared<FakeGpuLog>();
  log->no_convergence_of = 3;

  const auto spectra = with_solver(log)->singular_values(batch);

  for (std::size_t b = 0; b < spectra.size(); ++b) {
    REQUIRE(spectra[b].status == (b == 3 ? SvdStatus::not_converged : SvdStatus::ok));
    REQUIRE(spectra[b].values == (b == 3 ? std::vector<double>() : clean[b].values));
  }
}

TEST_CASE("NaN and Inf never reach the card", "[gpu]") {
  const MatrixShape shape{10, 10};
  auto matrices = matrices_of(shape, 5);
  const auto clean = with_solver(std::make_shared<FakeGpuLog>())->singular_values(batch_of(shape, matrices));
  matrices[0][7] = std::numeric_limits<double>::quiet_NaN();
  matrices[3][99] = -std::numeric_limits<double>::infinity();
  const auto log = std::make_shared<FakeGpuLog>();

  const auto spectra = with_solver(log)->singular_values(batch_of(shape, matrices));

  REQUIRE(log->solved == 3);
  for (std::size_t b = 0; b < spectra.size(); ++b) {
    REQUIRE(spectra[b].status == (b == 0 || b == 3 ? SvdStatus::not_finite : SvdStatus::ok));
    if (spectra[b].status == SvdStatus::ok) REQUIRE(spectra[b].values == clean[b].values);
  }
}
