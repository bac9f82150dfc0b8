// The GPU backend's own part, on a card that is not one: what is queued in which order, and what comes of it. What a
// real card computes is tested with every other backend, where there is one.
#include <catch2/catch.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <tuple>
#include <utility>

#include "lib/backend/gpu_backend.hpp"
#include "lib/backend/gpu_kernels/widened.hpp"
#include "lib/backend/gpu_routes.hpp"
#include "lib/backend/narrow_numbers.hpp"
#include "lib/backend/registry.hpp"
#include "lib/core/error.hpp"
#include "lib/core/half.hpp"
#include "tests/support/fake_gpu.hpp"
#include "tests/support/heads.hpp"
#include "tests/support/matrices.hpp"
#include "tests/support/tolerance.hpp"

using namespace attnspec;
using namespace attnspec::test;

namespace {

double bfloat16(double number) {  // cut, not rounded
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(static_cast<float>(number)) & 0xffff0000U);
}

void check_errors(const ErrorList& found, const ErrorList& expected, std::size_t tokens) {
  REQUIRE(found.errors.size() == expected.errors.size());
  for (const auto& [place, error] : found.errors) {
    const StoredError& wanted = expected.errors.at(place);
    const double allowed = output_tolerance(tokens, wanted.largest()), squares = allowed * (1 + wanted.largest());
    CAPTURE(std::get<0>(place), std::get<1>(place), std::get<2>(place));
    REQUIRE(largest_difference(error.cells, wanted.cells) <= allowed);
    REQUIRE(largest_difference(error.columns, wanted.columns) <= squares * static_cast<double>(wanted.rows.size()));
    REQUIRE(largest_difference(error.rows, wanted.rows) <= squares * static_cast<double>(wanted.columns.size()));
  }
}

}  // namespace

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

TEST_CASE("what a dump stored in fewer bytes crosses the bus in them, and is the same number there", "[gpu]") {
  const MatrixShape shape{16, 16};
  const auto rounded = [](auto keep) {
    auto matrices = matrices_of({16, 16}, 4);
    for (auto& matrix : matrices)
      for (double& entry : matrix) entry = keep(entry);
    return matrices;
  };
  struct Case {
    std::vector<std::vector<double>> matrices;
    std::size_t bytes;
  };
  const Case cases[] = {
      {rounded([](double entry) { return from_half(to_half(entry)); }), 2},
      {rounded([](double entry) { return bfloat16(entry * 0x1p-60); }), 2},  // below what float16 reaches
      {rounded([](double entry) { return static_cast<double>(static_cast<float>(entry)); }), 4},
      {rounded([](double entry) { return entry; }), 8}};
  for (const auto& [matrices, bytes] : cases) {
    CAPTURE(bytes, matrices[0][0]);
    const auto log = std::make_shared<FakeGpuLog>();

    const auto spectra = fake_backend(log)->singular_values(batch_of(shape, matrices));

    REQUIRE(log->uploaded == 4 * shape.elements() * bytes);
    const auto truth = make_reference()->singular_values(batch_of(shape, matrices));
    for (std::size_t b = 0; b < 4; ++b)
      REQUIRE(largest_difference(spectra[b].values, truth[b].values) <=
              sigma_tolerance("gram", shape, truth[b].values[0]));
  }
}

TEST_CASE("a batch of halves goes to the card as it is, and gives the bits of the same numbers in doubles", "[gpu]") {
  const MatrixShape shape{20, 33};
  auto matrices = matrices_of(shape, 3);
  MatrixBatch halves(shape, std::vector<MatrixId>(3), nullptr, BatchNumbers::halves);
  for (std::size_t b = 0; b < 3; ++b)
    for (std::size_t i = 0; i < shape.elements(); ++i)
      matrices[b][i] = from_half(halves.halves(b)[i] = to_half(b == 1 && i == 7 ? HUGE_VAL : matrices[b][i]));
  for (const GpuMethod method : {GpuMethod::gram, GpuMethod::direct}) {
    const auto log = std::make_shared<FakeGpuLog>();

    const auto spectra = fake_backend(log, method)->singular_values(halves);

    REQUIRE(
        values_of(spectra) ==
        values_of(fake_backend(std::make_shared<FakeGpuLog>(), method)->singular_values(batch_of(shape, matrices))));
    REQUIRE(spectra[1].status == SvdStatus::not_finite);
    REQUIRE(log->uploaded == 2 * shape.elements() * 2);
    REQUIRE(log->violations.empty());
  }
}

TEST_CASE("every number of sixteen bits comes back from the card's two bytes", "[gpu]") {
  for (const GpuNumber type : {GpuNumber::float16, GpuNumber::bfloat16})
    for (std::uint32_t bits = 0; bits < 0x10000U; ++bits) {
      const auto half = static_cast<std::uint16_t>(bits);
      const double number = type == GpuNumber::float16 ? from_half(half) : std::bit_cast<float>(bits << 16);
      if (!std::isfinite(number)) continue;
      std::uint16_t there = 0;

      REQUIRE(narrowed({&number, 1}, type, &there));

      REQUIRE(there == half);
      REQUIRE((type == GpuNumber::float16 ? gpu_kernels::float16_value(there) : gpu_kernels::bfloat16_value(there)) ==
              number);
    }
}

TEST_CASE("a number that sixteen bits do not hold is not squeezed into them", "[gpu]") {
  std::uint16_t there = 0;
  for (const double number : {0.1, 1 + 0x1p-11, 0x1p-25, 0x1.8p-24, 131072.0, 1e300, 1e-300})
    REQUIRE(!narrowed({&number, 1}, GpuNumber::float16, &there));
  for (const double number : {0.1, 1 + 0x1p-8, 0x1p-140, 1e300, 1e-300})
    REQUIRE(!narrowed({&number, 1}, GpuNumber::bfloat16, &there));
}

TEST_CASE("one number that single precision does not hold keeps its batch in double", "[gpu]") {
  const MatrixShape shape{40, 40};
  std::vector<double> odd(shape.elements(), 0.5);
  odd.back() = 0.1;
  const auto log = std::make_shared<FakeGpuLog>();

  const auto spectra = fake_backend(log, GpuMethod::direct)->singular_values(batch_of(shape, {odd, odd}));

  const auto truth = make_reference()->singular_values(batch_of(shape, {odd}));
  REQUIRE(largest_difference(spectra[1].values, truth[0].values) <= sigma_tolerance("direct", shape, 20));
}

TEST_CASE("a solver that gives up costs its own matrix only", "[gpu]") {
  const MatrixShape shape{10, 10};
  const MatrixBatch batch = batch_of(shape, matrices_of(shape, 7));
  const auto clean = fake_backend(std::make_shared<FakeGpuLog>())->singular_values(batch);
  const auto log = std::make_shared<FakeGpuLog>();
  log->no_convergence_of = 3;

  const auto spectra = fake_backend(log)->singular_values(batch);

  for (std::size_t b = 0; b < spectra.size(); ++b) {
    REQUIRE(spectra[b].status == (b == 3 ? SvdStatus::not_converged : SvdStatus::ok));
    REQUIRE(spectra[b].values == (b == 3 ? std::vector<double>() : clean[b].values));
  }
}

TEST_CASE("NaN and Inf never reach the card", "[gpu]") {
  const MatrixShape shape{10, 10};
  auto matrices = matrices_of(shape, 5);
  const auto clean = fake_backend(std::make_shared<FakeGpuLog>())->singular_values(batch_of(shape, matrices));
  matrices[0][7] = std::numeric_limits<double>::quiet_NaN();
  matrices[3][99] = -std::numeric_limits<double>::infinity();
  const auto log = std::make_shared<FakeGpuLog>();

  const auto spectra = fake_backend(log)->singular_values(batch_of(shape, matrices));

  REQUIRE(log->solved == 3);
  for (std::size_t b = 0; b < spectra.size(); ++b) {
    REQUIRE(spectra[b].status == (b == 0 || b == 3 ? SvdStatus::not_finite : SvdStatus::ok));
    if (spectra[b].status == SvdStatus::ok) REQUIRE(spectra[b].values == clean[b].values);
  }
}

TEST_CASE("on a fake card every construction has the reference's errors", "[gpu]") {
  const auto reference = make_reference();
  for (const bool eager : {false, true})
    for (const auto& [queries, tokens, width, rank] :
         {std::tuple(1, 1, 1, 1), std::tuple(5, 5, 3, 2), std::tuple(17, 9, 4, 3), std::tuple(12, 20, 5, 6)}) {
      CAPTURE(eager, queries, tokens);
      const std::vector<Head> heads = random_heads(3, queries, tokens, width, rank, 11);
      const Maps maps(5, tokens + 2, tokens, 5);
      const auto log = std::make_shared<FakeGpuLog>();
      log->eager = eager;
      ErrorList expected, found;
      reference->output_errors(pointers(heads), maps.pairs(), every_form(tokens, true), expected);

      fake_backend(log)->output_errors(pointers(heads), maps.pairs(), every_form(tokens, true), found);

      check_errors(found, expected, tokens);
      REQUIRE(log->violations.empty());
    }
}

TEST_CASE("heads of unlike shapes, and logits without keys, are blocks of their own", "[gpu]") {
  std::vector<Head> heads = random_heads(2, 8, 8, 3, 2, 4);
  for (Head& head : random_heads(3, 5, 8, 3, 2, 5)) heads.push_back(std::move(head));
  Head& plain = heads[1];  // its logits as a matrix
  Matrix logits(plain.attention.shape);
  for (std::size_t i = 0; i < logits.rows(); ++i)
    for (std::size_t j = 0; j < logits.cols(); ++j)
      for (std::size_t l = 0; l < 2; ++l) logits(i, j) += plain.logits->query(i, l) * plain.logits->key(j, l);
  plain.logits->query = logits;
  plain.logits->key = {};
  const Maps maps(4, 8, 8, 6);
  ErrorList expected, found;
  make_reference()->output_errors(pointers(heads), maps.pairs(), every_form(8, true), expected);
  const auto log = std::make_shared<FakeGpuLog>();

  fake_backend(log)->output_errors(pointers(heads), maps.pairs(), every_form(8, true), found);

  check_errors(found, expected, 8);
  REQUIRE(log->violations.empty());
}

TEST_CASE("a head without logits is tried by what needs none", "[gpu]") {
  std::vector<Head> heads = random_heads(2, 8, 8, 3, 2, 4);
  for (Head& head : heads) head.logits.reset();
  const Maps maps(2, 8, 8, 6);
  const std::vector<Construction> without{
      {Form::linear, 4, 0.5, 0.5}, {Form::softmax, 4, 0, 0.5}, {Form::linear, 0, 0, 0}},
      with{{Form::softmax, 4, 0.5, 0.5}};
  ErrorList expected, found;
  make_reference()->output_errors(pointers(heads), maps.pairs(), without, expected);
  const auto backend = fake_backend(std::make_shared<FakeGpuLog>());

  backend->output_errors(pointers(heads), maps.pairs(), without, found);

  check_errors(found, expected, 8);
  REQUIRE_THROWS_WITH(backend->output_errors(pointers(heads), maps.pairs(), with, found),
                      Catch::Contains("without logits"));
}

TEST_CASE("heads that do not fit together are tried in turn, and alone they give the same", "[gpu]") {
  const std::vector<Head> heads = random_heads(7, 10, 10, 4, 3, 9);
  const Maps maps(3, 10, 10, 6);
  const auto constructions = every_form(10, true);
  ErrorList whole, cut;
  const auto large = std::make_shared<FakeGpuLog>(), small = std::make_shared<FakeGpuLog>();
  small->memory = 22000;

  fake_backend(large)->output_errors(pointers(heads), maps.pairs(), constructions, whole);
  fake_backend(small)->output_errors(pointers(heads), maps.pairs(), constructions, cut);

  REQUIRE(cut.errors == whole.errors);
  REQUIRE(small->peak <= small->memory);
  REQUIRE(small->violations.empty());
  REQUIRE(small->uploaded > large->uploaded);  // R once a block
}

TEST_CASE("a card with no room for one head says how much it needs", "[gpu]") {
  const std::vector<Head> heads = random_heads(1, 10, 10, 4, 3, 9);
  const Maps maps(1, 10, 10, 6);
  const auto log = std::make_shared<FakeGpuLog>();
  log->memory = 3000;
  ErrorList errors;

  REQUIRE_THROWS_WITH(fake_backend(log)->output_errors(pointers(heads), maps.pairs(), every_form(10, true), errors),
                      Catch::Contains("a trial of one head takes") && Catch::Contains("--max-memory-device"));
}
