// Our own way to eigenvalues on a card, the same source on the host: against Eigen, on matrices that break such codes.
#include <catch2/catch.hpp>

#include <Eigen/Eigenvalues>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "lib/backend/gpu_two_stage.hpp"
#include "tests/support/fake_gpu.hpp"
#include "tests/support/heads.hpp"
#include "tests/support/matrices.hpp"
#include "tests/support/tolerance.hpp"

using namespace attnspec;
using namespace attnspec::test;

namespace {

using Square = Eigen::MatrixXd;

struct Found {
  std::vector<std::vector<double>> values;
  std::vector<int> info;
};

Found eigenvalues_of(const std::vector<Square>& matrices, const std::shared_ptr<FakeGpuLog>& log) {
  FakeGpu card(log);
  const auto n = static_cast<std::size_t>(matrices[0].rows());
  const std::size_t count = matrices.size(), bytes = two_stage_workspace(card, n, count);
  const GpuMemory<double> there(card, count * n * n), other(card, count * n * n), values(card, count * n);
  const GpuMemory<int> info(card, count);
  const GpuMemory<std::byte> workspace(card, bytes);
  Found found{std::vector<std::vector<double>>(count, std::vector<double>(n)), std::vector<int>(count)};
  for (std::size_t b = 0; b < count; ++b)
    card.upload(1, there.get() + b * n * n, matrices[b].data(), n * n * sizeof(double));
  card.fill_zero(1, workspace.get(), bytes);

  two_stage_eigenvalues(card, 1, n, count, there.get(), other.get(), values.get(), info.get(), workspace.get());

  for (std::size_t b = 0; b < count; ++b)
    card.download(1, found.values[b].data(), values.get() + b * n, n * sizeof(double));
  card.download(1, found.info.data(), info.get(), count * sizeof(int));
  card.wait(1);
  return found;
}

/// Symmetric, of either sign: random, low rank, blocks, diagonal, graded, with all rows but one alike, nothing.
std::vector<Square> symmetric_matrices(Eigen::Index n) {
  std::mt19937_64 bits(static_cast<std::uint64_t>(n));
  std::normal_distribution<double> normal;
  const auto random = [&](Eigen::Index rows, Eigen::Index cols) -> Square {
    return Square::NullaryExpr(rows, cols, [&] { return normal(bits); });
  };
  const Square full = random(n, n), thin = random(n, std::min<Eigen::Index>(n, 3));
  std::vector<Square> all{full + full.transpose(), thin * thin.transpose(), Square::Zero(n, n), Square::Identity(n, n),
                          Square::Constant(n, n, -0.25)};
  Square blocks = Square::Zero(n, n), graded = all[0], last = Square::Zero(n, n);
  for (Eigen::Index i = 0; i < n; ++i)
    for (Eigen::Index j = 0; j < n; ++j) {
      if (i / 5 == j / 5) blocks(i, j) = 0.2;
      graded(i, j) *= std::ldexp(1.0, -static_cast<int>(i + j));
    }
  last(n - 1, 0) = last(0, n - 1) = 1;
  for (const Square& one :
       {blocks, graded, last, Square(std::ldexp(1.0, -390) * all[0]), Square(std::ldexp(1.0, 400) * all[0])})
    all.push_back(one);
  return all;
}

}  // namespace

TEST_CASE("two stages give the eigenvalues of every symmetric matrix to rounding", "[gpu]") {
  for (const Eigen::Index n : {1, 2, 3, 4, 8, 9, 15, 16, 17, 18, 19, 32, 33, 34, 49, 64, 100, 131, 300}) {
    const std::vector<Square> matrices = symmetric_matrices(n);
    // The smaller two keep 300 columns of a band outside, wide and narrow.
    for (const std::size_t block_memory : {std::size_t{227} << 10, std::size_t{80} << 10, std::size_t{40} << 10}) {
      const auto log = std::make_shared<FakeGpuLog>();
      log->block_memory = block_memory;

      const Found found = eigenvalues_of(matrices, log);

      for (std::size_t b = 0; b < matrices.size(); ++b) {
        CAPTURE(n, b, block_memory);
        const Eigen::SelfAdjointEigenSolver<Square> solver(matrices[b], Eigen::EigenvaluesOnly);
        const Eigen::VectorXd truth = solver.eigenvalues();
        REQUIRE(found.info[b] == 0);
        REQUIRE(std::is_sorted(found.values[b].begin(), found.values[b].end()));
        for (Eigen::Index i = 0; i < n; ++i)
          REQUIRE(std::abs(found.values[b][static_cast<std::size_t>(i)] - truth(i)) <=
                  eigenvalue_tolerance(static_cast<std::size_t>(n), truth.cwiseAbs().maxCoeff()));
      }
      REQUIRE(log->violations.empty());
    }
  }
}

TEST_CASE("two stages give the same bits in whatever order threads run and whoever is beside", "[gpu]") {
  const std::vector<Square> matrices = symmetric_matrices(70);
  const auto forwards = std::make_shared<FakeGpuLog>(), backwards = std::make_shared<FakeGpuLog>();
  backwards->backwards = true;

  const Found found = eigenvalues_of(matrices, forwards), again = eigenvalues_of(matrices, backwards);

  REQUIRE(again.values == found.values);
  REQUIRE(eigenvalues_of({matrices[6]}, forwards).values[0] == found.values[6]);
}

TEST_CASE("a matrix with NaN or Inf is told by its info, and its neighbours do not notice", "[gpu]") {
  std::vector<Square> matrices = symmetric_matrices(40);
  const Found clean = eigenvalues_of(matrices, std::make_shared<FakeGpuLog>());
  matrices[0](3, 5) = matrices[0](5, 3) = std::numeric_limits<double>::quiet_NaN();
  matrices[3](39, 39) = std::numeric_limits<double>::infinity();

  const Found found = eigenvalues_of(matrices, std::make_shared<FakeGpuLog>());

  for (std::size_t b = 0; b < matrices.size(); ++b) {
    REQUIRE(found.info[b] == (b == 0 || b == 3 ? 1 : 0));
    if (found.info[b] == 0) REQUIRE(found.values[b] == clean.values[b]);
  }
}

TEST_CASE("in two stages every shape and family has the reference's singular values", "[gpu]") {
  for (const MatrixShape shape : {MatrixShape{1, 1}, {5, 3}, {3, 40}, {17, 17}, {50, 50}, {120, 70}}) {
    std::vector<std::vector<double>> matrices;
    for (const std::string& name : family_names()) matrices.push_back(family(name, shape, 3));
    const MatrixBatch batch = batch_of(shape, matrices);
    const auto truth = make_reference()->singular_values(batch);
    const auto log = std::make_shared<FakeGpuLog>();

    const auto spectra = fake_backend(log, GpuMethod::gram, GpuEigenRoute::two_stage)->singular_values(batch);

    for (std::size_t b = 0; b < truth.size(); ++b) {
      CAPTURE(shape.rows, shape.cols, family_names()[b]);
      REQUIRE(spectra[b].status == SvdStatus::ok);
      REQUIRE(largest_difference(spectra[b].values, truth[b].values) <=
              sigma_tolerance("gram", shape, truth[b].values[0]) + 1e-300);
    }
    REQUIRE(log->two_stage > 0);
    REQUIRE(log->sweeps == (shape.smaller_side() - 1) / 16);
    REQUIRE(log->peak <= log->memory);
    REQUIRE(log->violations.empty());
  }
}

TEST_CASE("sweeps take the narrow band where a block's memory is small", "[gpu]") {
  const MatrixShape shape{520, 520};
  const MatrixBatch batch = batch_of(shape, {random_attention(shape, 2, 1)});
  const auto truth = make_reference()->singular_values(batch);
  for (const auto& [block_memory, sweeps] : {std::pair{std::size_t{90} << 10, 32U}, {std::size_t{64} << 10, 64U}}) {
    const auto log = std::make_shared<FakeGpuLog>();
    log->block_memory = block_memory;

    const auto spectra = fake_backend(log, GpuMethod::gram, GpuEigenRoute::two_stage)->singular_values(batch);

    REQUIRE(largest_difference(spectra[0].values, truth[0].values) <=
            sigma_tolerance("gram", shape, truth[0].values[0]));
    REQUIRE(log->two_stage == 1);
    REQUIRE(log->sweeps == sweeps);
    REQUIRE(log->violations.empty());
  }
}

TEST_CASE("two stages are not begun where a block's memory holds too little for the second", "[gpu]") {
  const MatrixShape shape{300, 300};
  const auto log = std::make_shared<FakeGpuLog>();
  log->block_memory = 6 << 10;

  const auto backend = fake_backend(log, GpuMethod::gram, GpuEigenRoute::two_stage);
  const auto spectra = backend->singular_values(batch_of(shape, {random_attention(shape, 2, 1)}));

  REQUIRE(spectra[0].status == SvdStatus::ok);
  REQUIRE(log->two_stage == 0);
  REQUIRE(log->apart > 0);
}

TEST_CASE("a matrix larger than a block's memory goes through two stages too", "[gpu]") {
  const MatrixShape shape{300, 300};
  const MatrixBatch batch = batch_of(shape, {random_attention(shape, 2, 1), family("rank_three", shape, 2)});
  const auto truth = make_reference()->singular_values(batch);
  for (const std::size_t block_memory : {std::size_t{227} << 10, std::size_t{80} << 10, std::size_t{40} << 10}) {
    const auto log = std::make_shared<FakeGpuLog>();
    log->block_memory = block_memory;

    const auto spectra = fake_backend(log, GpuMethod::gram, GpuEigenRoute::two_stage)->singular_values(batch);

    for (std::size_t b = 0; b < truth.size(); ++b)
      REQUIRE(largest_difference(spectra[b].values, truth[b].values) <=
              sigma_tolerance("gram", shape, truth[b].values[0]));
    REQUIRE(log->two_stage > 0);
    REQUIRE(log->violations.empty());
  }
}
