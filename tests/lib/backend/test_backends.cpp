// Every usable backend against the reference, closed forms and itself.
#include <catch2/catch.hpp>

#include <cmath>
#include <limits>
#include <numeric>

#include "analysis/spectrum_measures.hpp"
#include "lib/backend/registry.hpp"
#include "lib/dump/synthetic.hpp"
#include "tests/support/matrices.hpp"
#include "tests/support/tolerance.hpp"
#include "tests/support/vectors.hpp"

using namespace attnspec;
using namespace attnspec::test;

namespace {

struct Usable {
  std::string device, method;

  std::unique_ptr<Backend> make(unsigned threads) const { return make_backend({device, method, threads}).backend; }
};

std::vector<Usable> usable_backends() {
  std::vector<Usable> usable;
  for (const BackendEntry& entry : list_backends())
    if (entry.usable) usable.push_back({entry.device, entry.method});
  return usable;
}

void check_against(const std::string& method, const std::vector<Spectrum>& spectra, const std::vector<Spectrum>& truth,
                   MatrixShape shape) {
  REQUIRE(spectra.size() == truth.size());
  for (std::size_t b = 0; b < truth.size(); ++b) {
    CAPTURE(b);
    REQUIRE(spectra[b].status == SvdStatus::ok);
    REQUIRE(spectra[b].values.size() == shape.smaller_side());
    const double sigma_1 = truth[b].values.front();
    const double allowed = sigma_tolerance(method, shape, sigma_1);
    double worst = 0;
    for (std::size_t i = 0; i < truth[b].values.size(); ++i) {
      worst = std::max(worst, std::abs(spectra[b].values[i] - truth[b].values[i]));
      REQUIRE(spectra[b].values[i] >= 0);
      if (i > 0) REQUIRE(spectra[b].values[i] <= spectra[b].values[i - 1]);
    }
    // Below the smallest normal number a relative tolerance has no meaning.
    const double smallest = std::numeric_limits<double>::denorm_min() * static_cast<double>(shape.smaller_side());
    CAPTURE(worst / sigma_1, allowed / sigma_1);
    REQUIRE(worst <= allowed + smallest);
    REQUIRE(worst <= spectra[b].error_bound + truth[b].error_bound + smallest);
  }
}

std::vector<double> synthetic(const std::string& kind, std::size_t n) {
  SyntheticOptions options;
  options.kind = kind;
  options.n = n;
  return synthetic_attention(options, {});
}

Spectrum spectrum_of(const Usable& usable, MatrixShape shape, const std::vector<double>& matrix) {
  return usable.make(1)->singular_values(batch_of(shape, {matrix})).front();
}

}  // namespace

TEST_CASE("this machine has the four CPU backends and says why it has no GPU backend") {
  const auto entries = list_backends();

  std::size_t usable = 0;
  for (const BackendEntry& entry : entries) {
    CAPTURE(entry.device, entry.method, entry.reason);
    if (entry.device == "cpu") usable += entry.usable;
    REQUIRE(entry.usable == entry.reason.empty());
  }
  REQUIRE(usable == 4);
}

TEST_CASE("every backend agrees with the reference on every shape and family") {
  const std::vector<MatrixShape> shapes{{1, 1}, {2, 2},   {3, 3},   {5, 3},   {3, 5},    {1, 7},
                                        {7, 1}, {17, 17}, {64, 16}, {16, 64}, {33, 127}, {128, 128}};
  for (const Usable& usable : usable_backends())
    for (const MatrixShape shape : shapes)
      for (const std::string& name : family_names()) {
        CAPTURE(usable.device, usable.method, shape.rows, shape.cols, name);
        const MatrixBatch batch = batch_of(shape, {family(name, shape, 1), family(name, shape, 2)});

        const auto truth = make_backend({"cpu", "reference", 1}).backend->singular_values(batch);

        check_against(usable.method, usable.make(2)->singular_values(batch), truth, shape);
      }
}

TEST_CASE("every backend agrees with the reference around n = 512") {
  for (const std::size_t n : {511, 512, 513}) {
    const MatrixShape shape{n, n};
    const MatrixBatch batch = batch_of(shape, {random_attention(shape, 2, n), family("blocks", shape, n)});
    const auto truth = make_backend({"cpu", "reference", 1}).backend->singular_values(batch);
    for (const Usable& usable : usable_backends()) {
      CAPTURE(usable.method, n);
      check_against(usable.method, usable.make(2)->singular_values(batch), truth, shape);
    }
  }
}

TEST_CASE("a batch of a thousand agrees with the reference") {
  const MatrixShape shape{6, 6};
  std::vector<std::vector<double>> matrices;
  for (std::uint64_t seed = 0; seed < 1000; ++seed) matrices.push_back(random_attention(shape, 3, seed));
  const MatrixBatch batch = batch_of(shape, matrices);
  const auto truth = make_backend({"cpu", "reference", 1}).backend->singular_values(batch);

  for (const Usable& usable : usable_backends()) {
    CAPTURE(usable.method);
    check_against(usable.method, usable.make(3)->singular_values(batch), truth, shape);
  }
}

TEST_CASE("a matrix gives the same bits in any batch, order and number of threads") {
  const MatrixShape shape{37, 37};
  std::vector<std::vector<double>> matrices;
  for (std::uint64_t seed = 0; seed < 9; ++seed) matrices.push_back(random_attention(shape, 2, seed));
  for (const Usable& usable : usable_backends())
    for (const std::size_t size : {1U, 7U, 8U, 9U})
      for (const unsigned threads : {1U, 2U, 8U}) {
        CAPTURE(usable.method, size, threads);
        std::vector<std::vector<double>> some(matrices.begin(), matrices.begin() + static_cast<std::ptrdiff_t>(size));
        const std::vector<std::vector<double>> reversed(some.rbegin(), some.rend());

        const auto forward = usable.make(threads)->singular_values(batch_of(shape, some));
        const auto backward = usable.make(threads)->singular_values(batch_of(shape, reversed));

        for (std::size_t b = 0; b < size; ++b) {
          REQUIRE(forward[b].values == backward[size - 1 - b].values);
          REQUIRE(forward[b].values == spectrum_of(usable, shape, matrices[b]).values);
        }
      }
}

TEST_CASE("a batch of halves gives the bits of the same numbers in doubles") {
  for (const MatrixShape shape :
       {MatrixShape{37, 37}, MatrixShape{20, 61}, MatrixShape{61, 20}, MatrixShape{300, 300}}) {
    const std::vector<std::string> names{"softmax", "causal", "uniform", "one_hot", "subnormal", "zero", "rank_three"};
    std::vector<std::vector<double>> matrices;
    for (std::size_t b = 0; b < names.size(); ++b) matrices.push_back(family(names[b], shape, b));
    const HalfPrecision both = in_half_precision(shape, matrices);
    for (const char* set : {"avx512", "avx2", "portable"}) {
      const Vectors vectors(set);
      for (const Usable& usable : usable_backends()) {
        const auto backend = usable.make(2);
        if (!backend->takes_halves()) continue;
        const auto narrow = backend->singular_values(both.halves), wide = backend->singular_values(both.doubles);
        for (std::size_t b = 0; b < names.size(); ++b) {
          CAPTURE(usable.method, set, names[b], shape.rows, shape.cols);
          REQUIRE(narrow[b].values == wide[b].values);
        }
      }
    }
  }
}

TEST_CASE("a matrix with NaN or Inf gets its status and leaves its neighbours alone") {
  const MatrixShape shape{20, 20};
  for (const double poison : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()})
    for (const Usable& usable : usable_backends()) {
      CAPTURE(usable.method, poison);
      std::vector<std::vector<double>> matrices(3, random_attention(shape, 1, 5));
      const auto clean = usable.make(2)->singular_values(batch_of(shape, matrices));
      matrices[1][77] = poison;

      const auto spectra = usable.make(2)->singular_values(batch_of(shape, matrices));

      REQUIRE(spectra[1].status == SvdStatus::not_finite);
      REQUIRE(spectra[1].values.empty());
      REQUIRE(spectra[0].values == clean[0].values);
      REQUIRE(spectra[2].values == clean[2].values);
    }
}

TEST_CASE("curves of matrices with a known spectrum are their closed forms") {
  const std::size_t n = 96;
  const MatrixShape shape{n, n};
  for (const Usable& usable : usable_backends()) {
    CAPTURE(usable.method);
    const double allowed = curve_tolerance(usable.method);

    const Spectrum identity = spectrum_of(usable, shape, synthetic("identity", n));
    const Spectrum uniform = spectrum_of(usable, shape, synthetic("uniform", n));
    const Spectrum blocks = spectrum_of(usable, shape, synthetic("blocks", n));

    const auto identity_curve = cumulative_share(identity.values), blocks_curve = cumulative_share(blocks.values);
    for (std::size_t k = 1; k <= n; ++k) {
      REQUIRE(std::abs(identity_curve[k - 1] - static_cast<double>(k) / static_cast<double>(n)) <= allowed);
      REQUIRE(std::abs(blocks_curve[k - 1] - std::min(1.0, static_cast<double>(k) / 12)) <= allowed);
    }
    REQUIRE(std::abs(effective_rank(identity.values) - static_cast<double>(n)) <= allowed * static_cast<double>(n));
    REQUIRE(std::abs(cumulative_share(uniform.values).front() - 1) <= allowed);
    REQUIRE(numerical_rank(uniform.values, uniform.error_bound) == 1);
    REQUIRE(numerical_rank(blocks.values, blocks.error_bound) == 12);
  }
}

TEST_CASE("a uniform matrix of n = 512 has numerical rank 1 by every fast method") {
  const MatrixShape shape{512, 512};
  for (const Usable& usable : usable_backends()) {
    if (usable.method == "reference") continue;
    CAPTURE(usable.method);

    const Spectrum uniform = spectrum_of(usable, shape, synthetic("uniform", 512));

    REQUIRE(numerical_rank(uniform.values, uniform.error_bound) == 1);
    REQUIRE(std::abs(cumulative_share(uniform.values).front() - 1) <= curve_tolerance(usable.method));
  }
}

TEST_CASE("a previous-token matrix has a curve of singular values, not of eigenvalues") {
  // Its eigenvalues are 1 and zeros, so they would give C = 1 at once. Its singular values: token 0 is looked at twice.
  const std::size_t n = 64;
  for (const Usable& usable : usable_backends()) {
    CAPTURE(usable.method);

    const auto curve = cumulative_share(spectrum_of(usable, {n, n}, synthetic("previous", n)).values);

    const double total = std::sqrt(2.0) + static_cast<double>(n - 2);
    for (std::size_t k = 1; k <= n; ++k)
      REQUIRE(std::abs(curve[k - 1] - std::min(1.0, (std::sqrt(2.0) + static_cast<double>(k) - 1) / total)) <=
              curve_tolerance(usable.method));
  }
}

TEST_CASE("one-hot rows have the square roots of their column counts as singular values") {
  const MatrixShape shape{50, 50};
  const auto matrix = family("one_hot", shape, 3);
  std::vector<double> expected(50, 0.0);
  for (std::size_t i = 0; i < matrix.size(); ++i) expected[i % 50] += matrix[i];
  for (double& count : expected) count = std::sqrt(count);
  std::sort(expected.rbegin(), expected.rend());

  for (const Usable& usable : usable_backends()) {
    const auto values = spectrum_of(usable, shape, matrix).values;
    for (std::size_t i = 0; i < 50; ++i)
      REQUIRE(std::abs(values[i] - expected[i]) <= sigma_tolerance(usable.method, shape, expected[0]));
  }
}

TEST_CASE("causal uniform attention of n = 512 has sigma_1 = 1.7203 and determinant 1 / n!") {
  for (const Usable& usable : usable_backends()) {
    CAPTURE(usable.method);
    const double sigma_1 = usable.method == "reference"
                               ? 1.7203
                               : spectrum_of(usable, {512, 512}, synthetic("causal", 512)).values.front();
    const auto values = spectrum_of(usable, {20, 20}, synthetic("causal", 20)).values;

    double log_determinant = 0;
    for (const double value : values) log_determinant += std::log(value);

    REQUIRE(std::abs(sigma_1 - 1.7203) < 5e-5);
    const double in_float = 20 * sigma_tolerance("direct32", {20, 20}, values.front()) / values.back();
    REQUIRE(std::abs(log_determinant + std::lgamma(21)) < 1e-10 * 42 + (usable.method == "direct32" ? in_float : 0));
  }
}

TEST_CASE("a spectrum whose squares do not add up to the Frobenius norm is not believed") {
  REQUIRE(squares_agree({2, 1}, 5, {2, 2}));
  REQUIRE_FALSE(squares_agree({2, 1}, 5.0001, {2, 2}));
  REQUIRE_FALSE(squares_agree({std::numeric_limits<double>::quiet_NaN()}, 1, {1, 1}));
}
