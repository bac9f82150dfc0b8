// The same bits in any company, on a card that is not one and whose libraries answer otherwise for another number of
// matrices a call, and for matrices that are aligned otherwise.
#include <catch2/catch.hpp>

#include <algorithm>
#include <random>

#include "lib/backend/gpu_fixed_calls.hpp"
#include "tests/support/fake_gpu.hpp"
#include "tests/support/heads.hpp"
#include "tests/support/matrices.hpp"

using namespace attnspec;
using namespace attnspec::test;

namespace {

std::shared_ptr<FakeGpuLog> counting_card(std::size_t memory = std::size_t{1} << 30) {
  const auto log = std::make_shared<FakeGpuLog>();
  log->counting = true;
  log->memory = memory;
  return log;
}

/// The first `count` of one and the same row of heads.
MatrixBatch query_key_batch(MatrixShape shape, std::size_t rank, bool biased, std::size_t count) {
  std::mt19937_64 bits(1);
  std::normal_distribution<double> normal;
  auto heads = std::make_unique<QueryKeyHeads>();
  heads->rank = rank;
  heads->rules.resize(count);
  for (std::size_t h = 0; h < count; ++h) {
    for (std::size_t i = 0; i < shape.rows * rank; ++i) heads->queries.push_back(normal(bits));
    for (std::size_t i = 0; i < shape.cols * rank; ++i) heads->keys.push_back(normal(bits));
    for (std::size_t i = 0; biased && i < shape.elements(); ++i) heads->biases.push_back(normal(bits));
  }
  return {shape, std::vector<MatrixId>(count), std::move(heads)};
}

struct Way {
  const char* name;
  GpuMethod method;
  std::optional<GpuEigenRoute> route;
  MatrixShape shape;
  std::size_t rank = 0;
  bool biased = false;

  MatrixBatch batch(std::size_t count) const {
    return rank == 0 ? batch_of(shape, matrices_of(shape, count)) : query_key_batch(shape, rank, biased, count);
  }
  std::vector<std::vector<double>> values(const std::shared_ptr<FakeGpuLog>& log, std::size_t count) const {
    return values_of(fake_backend(log, method, route)->singular_values(batch(count)));
  }
};

const Way ways[] = {{"together", GpuMethod::gram, GpuEigenRoute::together, {7, 7}},
                    {"together, of few", GpuMethod::gram, GpuEigenRoute::together, {3000, 3}},
                    {"apart", GpuMethod::gram, GpuEigenRoute::apart, {5, 9}},
                    {"two stages", GpuMethod::gram, GpuEigenRoute::two_stage, {20, 20}},
                    {"direct", GpuMethod::direct, {}, {7, 5}},
                    {"queries and keys", GpuMethod::gram, {}, {7, 7}, 3},
                    {"queries and keys, biased", GpuMethod::gram, GpuEigenRoute::apart, {5, 7}, 3, true},
                    {"queries and keys, direct", GpuMethod::direct, {}, {7, 5}, 3}};

}  // namespace

TEST_CASE("a matrix has the same bits in a batch of any size, on every route", "[gpu]") {
  constexpr std::size_t most = 300;
  for (const Way& way : ways) {
    const auto all = way.values(counting_card(), most);
    for (const std::size_t count : {1U, 2U, 7U, 65U, 255U, 257U}) {
      CAPTURE(way.name, count);
      const auto log = counting_card();

      const auto found = way.values(log, count);

      REQUIRE(found.size() == count);
      REQUIRE(std::equal(found.begin(), found.end(), all.begin()));
      REQUIRE(log->violations.empty());
    }
  }
}

TEST_CASE("a matrix has the same bits wherever it stands in its batch", "[gpu]") {
  for (const Way& way : ways) {
    if (way.rank > 0) continue;
    CAPTURE(way.name);
    auto matrices = matrices_of(way.shape, 300);
    const auto forwards = way.values(counting_card(), 300);
    std::reverse(matrices.begin(), matrices.end());

    const auto backwards =
        values_of(fake_backend(counting_card(), way.method, way.route)->singular_values(batch_of(way.shape, matrices)));

    REQUIRE(std::equal(forwards.begin(), forwards.end(), backwards.rbegin()));
  }
}

TEST_CASE("a card that holds one call gives the bits of a larger one, in more rounds", "[gpu]") {
  for (const Way& way : ways) {
    CAPTURE(way.name);
    const auto enough = counting_card(), large = counting_card();
    way.values(enough, 1);
    enough->memory = enough->peak;  // a lane of one call
    enough->waits = 0;

    REQUIRE(way.values(enough, 600) == way.values(large, 600));

    REQUIRE(enough->peak == enough->memory);
    REQUIRE(enough->violations.empty());
  }
}

TEST_CASE("a call takes so many matrices as fill a card, by their shape alone", "[gpu]") {
  const MatrixShape shapes[] = {{1, 1}, {128, 128}, {256, 256}, {512, 512}, {1024, 1024}, {2048, 2048}, {9999, 9999}};
  std::vector<std::size_t> of_products, of_solver;
  for (const MatrixShape shape : shapes) {
    of_products.push_back(matrices_a_call(shape, false));
    of_solver.push_back(matrices_a_call(shape, true));
  }

  REQUIRE(of_products == std::vector<std::size_t>{256, 256, 256, 64, 16, 4, 2});
  REQUIRE(of_solver == std::vector<std::size_t>{256, 256, 128, 32, 8, 2, 2});
}
