// Curves and rank measures against their closed forms.
#include <catch2/catch.hpp>

#include <cmath>

#include "analysis/spectrum_measures.hpp"
#include "analysis/spectrum_summary.hpp"

using namespace attnspec;

TEST_CASE("n equal singular values have every rank measure equal to n") {
  const std::vector<double> sigma(40, 0.5);

  REQUIRE(std::abs(effective_rank(sigma) - 40) < 1e-12);
  REQUIRE(std::abs(stable_rank(sigma) - 40) < 1e-12);
  REQUIRE(std::abs(participation_ratio(sigma) - 40) < 1e-12);
  REQUIRE(numerical_rank(sigma, 0.49) == 40);
  REQUIRE(numerical_rank(sigma, 0.5) == 0);
  REQUIRE(index_reaching(cumulative_share(sigma), 0.9) == 36);
}

TEST_CASE("a geometric spectrum has the measures of its series") {
  std::vector<double> sigma;
  for (int i = 0; i < 60; ++i) sigma.push_back(std::ldexp(1.0, -i));

  REQUIRE(std::abs(nuclear_norm(sigma) - 2) < 1e-15);
  REQUIRE(std::abs(stable_rank(sigma) - 4.0 / 3) < 1e-15);
  REQUIRE(std::abs(participation_ratio(sigma) - (16.0 / 9) / (16.0 / 15)) < 1e-14);
  // The entropy of p_i = 2^-(i+1) is 2 ln 2.
  REQUIRE(std::abs(effective_rank(sigma) - 4) < 1e-12);
  REQUIRE(index_reaching(cumulative_share(sigma), 0.9) == 4);
  REQUIRE(index_reaching(cumulative_energy(sigma), 0.9) == 2);
}

TEST_CASE("curves end at exactly one and zero matrices give ones") {
  REQUIRE(cumulative_share(std::vector<double>{0.1, 0.1, 0.1}).back() == 1);
  REQUIRE(cumulative_share(std::vector<double>{0, 0}) == std::vector<double>{1, 1});
  REQUIRE(effective_rank(std::vector<double>{0, 0}) == 0);
  REQUIRE(stable_rank(std::vector<double>{0, 0}) == 0);
}

TEST_CASE("curves are read at 128, or at a quarter of shorter matrices") {
  REQUIRE(default_index(4096) == 128);
  REQUIRE(default_index(512) == 128);
  REQUIRE(default_index(511) == 127);
  REQUIRE(default_index(128) == 32);
  REQUIRE(default_index(3) == 1);
}

namespace {

Spectrum with_values(std::size_t sample, std::vector<double> values) {
  return {{sample, 0, 0}, SvdStatus::ok, std::move(values), 1e-9};
}

}  // namespace

TEST_CASE("a summary is the mean of the curves, not the curve of the mean") {
  SpectrumGatherer gatherer;
  gatherer.add(with_values(0, {9, 1}), {2, 2}, 0);
  gatherer.add(with_values(1, {1, 1}), {2, 2}, 0);

  const HeadSummary head = gatherer.rows().front();

  REQUIRE(head.cumulative[0].mean == Approx(0.7));                 // (0.9 + 0.5) / 2; of the mean: 10 / 12
  REQUIRE(head.cumulative[0].sd == Approx(0.4 / std::sqrt(2.0)));  // n - 1 in the denominator
  REQUIRE(head.sigma[0].mean == Approx(5));
  REQUIRE(head.samples == 2);
}

TEST_CASE("one sample has no standard deviation, and unlike lengths never meet") {
  SpectrumGatherer gatherer;
  gatherer.add(with_values(0, {3, 2, 1}), {3, 3}, 0);
  gatherer.add(with_values(1, {1, 1}), {2, 2}, 0);

  const auto rows = gatherer.rows();

  REQUIRE(rows.size() == 2);
  for (const HeadSummary& row : rows) {
    REQUIRE(row.samples == 1);
    REQUIRE(std::isnan(row.cumulative[0].sd));
  }
}

TEST_CASE("a skipped matrix is counted and changes nothing else") {
  SpectrumGatherer gatherer;
  gatherer.add(with_values(0, {3, 1}), {2, 2}, 0);
  gatherer.add({{1, 0, 0}, SvdStatus::not_finite, {}, 0}, {2, 2}, 0);

  const HeadSummary head = gatherer.rows().front();

  REQUIRE(head.samples == 1);
  REQUIRE(head.skipped == 1);
  REQUIRE(head.cumulative[0].mean == 0.75);
}

TEST_CASE("numerical rank counts above the larger of storage floor and error bound") {
  SpectrumGatherer gatherer;
  gatherer.add(with_values(0, {1, 1e-4, 1e-6}), {3, 3}, 1e-5);

  const HeadSummary head = gatherer.rows().front();

  REQUIRE(head.numerical_rank_mean == 2);
  REQUIRE(head.rank_tolerance == 1e-5);
  REQUIRE(head.quantisation_floor == 1e-5);
  REQUIRE(head.error_bound == 1e-9);
}

TEST_CASE("the commonest n is the one of most matrices") {
  DumpSummary summary;
  summary.rows.resize(3);
  summary.rows[0].n = 5, summary.rows[0].samples = 3;
  summary.rows[1].n = 7, summary.rows[1].samples = 2;
  summary.rows[2].n = 7, summary.rows[2].samples = 2;

  REQUIRE(commonest_n(summary) == 7);
}
