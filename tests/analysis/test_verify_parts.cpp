// The parts of a verification that can be looked at alone: k sweeps, constructions, tallies, the law of a union.
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "analysis/constructions.hpp"
#include "analysis/k_sweep.hpp"
#include "analysis/trial_tally.hpp"
#include "lib/theory/lemma1.hpp"

using namespace attnspec;

namespace {

std::vector<std::size_t> ks_of(const std::vector<SweptK>& sweep) {
  std::vector<std::size_t> ks;
  for (const SweptK& swept : sweep) ks.push_back(swept.k);
  return ks;
}

OutputError error_of(const std::vector<double>& columns, const std::vector<double>& rows,
                     const std::vector<double>& cells) {
  return {columns, rows, cells};
}

}  // namespace

TEST_CASE("k auto is the powers of two below n and the paper's k's, the latter named and not measured from n on") {
  const auto theorem1 = k_sweep(Claim::theorem1, 0.5, 512, 32, {});
  REQUIRE(ks_of(theorem1) == std::vector<std::size_t>{8, 16, 32, 64, 128, 250, 256});
  REQUIRE(theorem1[5].source == "theorem1");

  const auto strict = k_sweep(Claim::theorem1, 0.1, 512, 32, {});
  REQUIRE(strict.back().k == 3466);
  REQUIRE_FALSE(strict.back().measured);
  REQUIRE(k_sweep(Claim::lemma1, 0.1, 512, 32, {}).back().k == 256);

  const auto theorem2 = k_sweep(Claim::theorem2, 0.5, 512, 32, {});
  REQUIRE(ks_of(theorem2) == std::vector<std::size_t>{8, 16, 32, 64, 125, 128, 250, 256, 389});
  REQUIRE(measured_ks(Claim::theorem2, {0.3, 0.5}, 512, 32, {}).back() == 496);
}

TEST_CASE("a given k list is taken as it is, and small n still has a sweep") {
  REQUIRE(ks_of(k_sweep(Claim::theorem1, 0.5, 512, 32, {3, 700})) == std::vector<std::size_t>{3, 700});
  REQUIRE(ks_of(k_sweep(Claim::lemma1, 0.5, 8, 4, {})) == std::vector<std::size_t>{1, 2, 4});
  REQUIRE(measured_ks(Claim::theorem2, {0.5}, 1, 1, {}).empty());
}

TEST_CASE("pooling averages every token once, whether or not k divides n") {
  for (const std::size_t k : {1, 3, 5, 16}) {
    const Matrix pool = *pool_construction(k, 16).matrix;
    std::vector<double> uses(16);
    for (std::size_t r = 0; r < k; ++r) {
      double weight = 0;
      for (std::size_t j = 0; j < 16; ++j) {
        weight += pool(r, j);
        uses[j] += pool(r, j) > 0;
      }
      REQUIRE(weight == Approx(1));
    }
    REQUIRE(uses == std::vector<double>(16, 1.0));
  }
}

TEST_CASE("delta is 2^-n until it underflows, and says so then") {
  REQUIRE(value_of({Delta::Kind::two_to_minus_n, 0}, 10) == 0x1p-10);
  REQUIRE(value_of({Delta::Kind::two_to_minus_n, 0}, 1074) == std::numeric_limits<double>::denorm_min());
  REQUIRE(value_of({Delta::Kind::two_to_minus_n, 0}, 1075) == 0);
  REQUIRE(name_of(Delta{Delta::Kind::two_to_minus_n, 0}, 1075) == "2^-n (its limit, 0)");
  REQUIRE(value_of({Delta::Kind::one_over_n, 0}, 4) == 0.25);
}

TEST_CASE("a tally counts the tested item, any item, and all of them; what is no number fails") {
  Criterion columns{Criterion::Over::columns, {0, 1, 2}, {{1, 1, 1}, {4, 4, 4}}, false, 1};
  Criterion cells{Criterion::Over::cells, {0, 2}, {{1, 1}, {4, 4}}, false, 0};
  Criterion one_sided{Criterion::Over::cells, {0, 2}, {{1, 1}, {4, 4}}, true, 0};
  const std::vector<HeadCriteria> heads{{{{0, 2}, {2, 3}}, {columns, cells, one_sided}, {{0, 1, 2}, {0}}}};
  TrialTally tally(heads, 2, 2);

  tally.begin_chunk(2);
  tally.take(0, 0, 0, error_of({2, 0.5, 9}, {}, {-3, 0, 0}));
  tally.take(1, 0, 0, error_of({0, 5, std::nan("")}, {}, {0, 0, 5}));
  tally.take(0, 0, 1, error_of({0, 0, 0}, {}, {}));
  tally.take(1, 0, 1, error_of({0, 0, 0}, {}, {}));
  tally.end_chunk();

  const FailureCount& strict = tally.count(0, 0, 0, 0);
  REQUIRE(strict.tested == 1);
  REQUIRE(strict.any == 2);
  REQUIRE(strict.items == 4);
  REQUIRE(strict.items_squared == 8);
  REQUIRE(tally.count(0, 0, 0, 1).items == 3);  // 9, 5 and what is no number
  REQUIRE(tally.count(0, 0, 1, 0).tested == 1);
  REQUIRE(tally.count(0, 0, 1, 0).any == 2);
  REQUIRE(tally.count(0, 0, 2, 0).tested == 0);
  REQUIRE(tally.count(0, 0, 2, 0).any == 1);
  REQUIRE(tally.count(0, 1, 0, 0).any == 0);
  REQUIRE(tally.squares(0, 0, 0).squares == 7.5);
  REQUIRE(tally.squares(0, 0, 0).fourth_powers == 31.25);
  REQUIRE(tally.trials() == 2);
}

TEST_CASE("the exact rate of an inner product rises with its cosine, on which the union over rows relies") {
  for (const std::size_t k : {2, 3, 5, 16, 100, 250, 1000})
    for (const double epsilon : {0.05, 0.2, 0.5, 0.8, 0.99}) {
      double last = 0;
      for (int i = 0; i <= 20; ++i) {
        const double rate = inner_product_failure_rate(k, i / 20.0, epsilon);
        INFO("k " << k << ", epsilon " << epsilon << ", cosine " << i / 20.0);
        REQUIRE(rate >= last * (1 - 1e-6));
        last = rate;
      }
    }
}
