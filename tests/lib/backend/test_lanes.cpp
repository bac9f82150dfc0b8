// The methods whose kernels work in lanes: every instruction set against dgesdd, company, shapes, and what they leave
// to others.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "analysis/spectrum_measures.hpp"
#include "lib/backend/registry.hpp"
#include "tests/support/matrices.hpp"
#include "tests/support/tolerance.hpp"
#include "tests/support/vectors.hpp"

using namespace attnspec;
using namespace attnspec::test;

namespace {

const std::vector<std::string> methods{"direct32", "gram"};

std::vector<Spectrum> spectra_of(const std::string& method, const MatrixBatch& batch, unsigned threads = 2) {
  return make_backend({"cpu", method, threads}).backend->singular_values(batch);
}

/// In units of sigma_1.
double distance(const Spectrum& one, const Spectrum& other) {
  double worst = 0;
  for (std::size_t i = 0; i < other.values.size(); ++i)
    worst = std::max(worst, std::abs(one.values.at(i) - other.values[i]));
  return other.values.front() == 0 ? worst : worst / other.values.front();
}

double curve_distance(const Spectrum& one, const Spectrum& other) {
  const auto a = cumulative_share(one.values), b = cumulative_share(other.values);
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) worst = std::max(worst, std::abs(a[i] - b[i]));
  return worst;
}

}  // namespace

TEST_CASE("every instruction set agrees with dgesdd on every family", "[lanes]") {
  for (const std::size_t n : {8U, 40U, 100U, 128U, 264U, 512U, 1000U}) {
    const MatrixShape shape{n, n};
    for (const std::string& name : family_names()) {
      const MatrixBatch batch =
          batch_of(shape, {family(name, shape, 1), family(name, shape, 2), family(name, shape, 3)});
      const auto truth = spectra_of("direct", batch);
      for (const std::string set : {"avx512", "avx2", "portable"}) {
        if (n > 264 && set != "avx512") continue;  // minutes, for what the smaller ones have shown
        const Vectors vectors(set);
        for (const std::string& method : methods) {
          CAPTURE(method, set, n, name);
          const auto spectra = spectra_of(method, batch);

          for (std::size_t b = 0; b < batch.size(); ++b) {
            REQUIRE(spectra[b].status == SvdStatus::ok);
            const double allowed = sigma_tolerance(method, shape, 1), worst = distance(spectra[b], truth[b]);
            CAPTURE(worst, allowed);
            REQUIRE(worst <= allowed);
            REQUIRE(worst * truth[b].values.front() <= spectra[b].error_bound + truth[b].error_bound);
            if (truth[b].values.front() > 0) REQUIRE(curve_distance(spectra[b], truth[b]) <= curve_tolerance(method));
          }
        }
      }
    }
  }
}

TEST_CASE("every lane alone gives the same bits as in company", "[lanes]") {
  const MatrixShape shape{48, 48};
  std::vector<std::vector<double>> matrices;
  for (std::uint64_t seed = 0; seed < 35; ++seed)
    matrices.push_back(family(family_names()[seed % family_names().size()], shape, seed));
  for (const std::string set : {"avx512", "avx2", "portable"}) {
    const Vectors vectors(set);
    for (const std::string& method : methods) {
      const auto together = spectra_of(method, batch_of(shape, matrices));
      for (std::size_t b = 0; b < matrices.size(); ++b) {
        CAPTURE(method, set, b);
        REQUIRE(spectra_of(method, batch_of(shape, {matrices[b]}), 1)[0].values == together[b].values);
      }
    }
  }
}

TEST_CASE("sides around every padding, and shapes that are not square", "[lanes]") {
  for (const MatrixShape shape : {MatrixShape{1, 1},
                                  {7, 7},
                                  {8, 8},
                                  {9, 9},
                                  {15, 16},
                                  {17, 15},
                                  {24, 48},
                                  {48, 24},
                                  {20, 64},
                                  {3, 300},
                                  {300, 3},
                                  {100, 1},
                                  {1, 100},
                                  {130, 530}}) {
    CAPTURE(shape.rows, shape.cols);
    const MatrixBatch batch = batch_of(shape, {random_attention(shape, 2, 1), random_attention(shape, 1, 2)});

    const auto truth = spectra_of("direct", batch);
    for (const std::string set : {"avx512", "avx2", "portable"})
      for (const std::string& method : methods) {
        const Vectors vectors(set);
        const auto spectra = spectra_of(method, batch);

        CAPTURE(method, set);
        for (std::size_t b = 0; b < batch.size(); ++b) {
          REQUIRE(spectra[b].method == method);
          REQUIRE(spectra[b].values.size() == shape.smaller_side());
          REQUIRE(distance(spectra[b], truth[b]) <= sigma_tolerance(method, shape, 1));
        }
      }
  }
}

TEST_CASE("one backend takes shapes in turn and remembers none of them", "[lanes]") {
  for (const std::string& method : methods) {
    const auto backend = make_backend({"cpu", method, 1}).backend;
    for (const MatrixShape shape : {MatrixShape{40, 40}, {33, 40}, {40, 33}, {40, 40}, {16, 16}, {40, 40}}) {
      const MatrixBatch batch = batch_of(shape, {random_attention(shape, 2, 5)});

      REQUIRE(backend->singular_values(batch)[0].values == spectra_of(method, batch, 1)[0].values);
    }
  }
}

TEST_CASE("what is out of reach goes to LAPACK", "[lanes]") {
  const MatrixShape shape{30, 30};
  for (const std::string& method : methods)
    for (const std::string name : {"zero", "subnormal", "huge"}) {
      const MatrixBatch batch = batch_of(shape, {family(name, shape, 1)});
      CAPTURE(method, name);
      const Spectrum spectrum = spectra_of(method, batch)[0];
      REQUIRE(spectrum.method == "gram-lapack");
      REQUIRE(spectrum.values == spectra_of(methods.front(), batch)[0].values);
      REQUIRE(distance(spectrum, spectra_of("direct", batch)[0]) <= sigma_tolerance("gram", shape, 1));
    }
}

TEST_CASE("a matrix that does not converge goes to LAPACK alone, and is counted there", "[lanes]") {
  const MatrixShape shape{40, 40};
  std::vector<std::vector<double>> matrices;
  for (std::uint64_t seed = 0; seed < 9; ++seed) matrices.push_back(random_attention(shape, 2, seed));
  const MatrixBatch batch = batch_of(shape, matrices);
  for (const std::string& method : methods) {
    const auto plain = spectra_of(method, batch, 1);
    setenv("ATTNSPEC_NOT_CONVERGED", "0x14", 1);  // the third and the fifth
    const auto planted = spectra_of(method, batch, 1);
    unsetenv("ATTNSPEC_NOT_CONVERGED");
    for (std::size_t b = 0; b < batch.size(); ++b) {
      CAPTURE(method, b);
      REQUIRE(planted[b].status == SvdStatus::ok);
      REQUIRE(planted[b].method == (b == 2 || b == 4 ? "gram-lapack" : method));
      if (b != 2 && b != 4) REQUIRE(planted[b].values == plain[b].values);
      REQUIRE(distance(planted[b], plain[b]) <= sigma_tolerance(method, shape, 1));
    }
  }
}

TEST_CASE("the Gram matrix of a triangle is that of the whole, and one entry above it is not lost", "[lanes]") {
  for (const std::size_t n : {37U, 130U, 300U}) {
    const MatrixShape shape{n, n};
    auto causal = family("causal", shape, 1), spoilt = causal;
    spoilt[n / 3 * n + n - 2] = 0.25;
    const MatrixBatch batch = batch_of(shape, {causal, spoilt});
    const auto spectra = spectra_of("gram", batch), truth = spectra_of("direct", batch);
    CAPTURE(n);
    for (std::size_t b = 0; b < 2; ++b) {
      REQUIRE(spectra[b].method == "gram");
      REQUIRE(distance(spectra[b], truth[b]) <= sigma_tolerance("gram", shape, 1));
    }
    REQUIRE(distance(spectra[0], spectra[1]) > 1e-4);
  }
}

TEST_CASE("what is exactly low in rank goes to dgesdd before rounding shows in its curve", "[lanes]") {
  const MatrixShape shape{512, 512};
  const MatrixBatch batch = batch_of(shape, {family("rank_three", shape, 1), family("softmax", shape, 1)});
  const auto truth = spectra_of("direct", batch);
  for (const std::string& method : methods) {
    const auto spectra = spectra_of(method, batch);
    CAPTURE(method);
    REQUIRE(spectra[0].method == "direct");
    REQUIRE(spectra[0].values == truth[0].values);
    REQUIRE(spectra[1].method == method);
  }
}
