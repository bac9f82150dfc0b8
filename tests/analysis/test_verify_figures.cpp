// The figures of verify hold the numbers of the rows that they are made from, and the words that go with them.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "analysis/writers/verify_figures.hpp"
#include "lib/core/error.hpp"
#include "tests/support/verifications.hpp"

using namespace attnspec;
using namespace attnspec::test;

namespace {

/// The table's lines cut into words, without comments, blank lines and the line of column names.
std::vector<std::vector<std::string>> words_in(const std::string& table) {
  std::vector<std::vector<std::string>> rows;
  std::istringstream lines(table);
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line[0] == '#' || line.find("panel") == 0) continue;
    std::istringstream cells(line);
    rows.emplace_back();
    for (std::string cell; cells >> cell;) rows.back().push_back(cell);
  }
  return rows;
}

/// The lines of one series.
std::vector<std::vector<std::string>> series_in(const Figure& figure, const std::string& name) {
  std::vector<std::vector<std::string>> rows = words_in(figure.data.text);
  std::erase_if(rows, [&](const auto& row) { return row.at(1) != name; });
  return rows;
}

bool has(const TextFile& file, const std::string& words) { return file.text.find(words) != std::string::npos; }

}  // namespace

TEST_CASE("a point is the median head with its own interval, beside the range of all heads", "[verify figures]") {
  std::vector<VerifyRow> rows;
  for (const double rate : {0.4, 0.1, 0.25, 0.2})
    rows.push_back(row_of("lemma1", "norm", {0, 0, rows.size()}, 0.5, 64, rate));
  rows[3].exact_rate = 0.21;

  const auto series = series_in(verify_claim_figure({dump_of(rows)}, "lemma1"), "norm/paper");

  REQUIRE(series == std::vector<std::vector<std::string>>{{"1", "norm/paper", "64", "0.2", "0.1", "0.6", "0.1", "0.4",
                                                           "0.21", "0.7357588823428847", "4"}});
}

TEST_CASE("the share of all columns is drawn with two standard errors, within 0 and 1", "[verify figures]") {
  const std::vector<VerifyRow> rows = {row_of("theorem1", "relative", {}, 0.5, 64, 0.5),
                                       row_of("theorem1", "relative", {}, 0.5, 128, 0.0)};

  const auto series = series_in(verify_claim_figure({dump_of(rows)}, "theorem1"), "relative/paper/share");

  REQUIRE(series.size() == 2);
  REQUIRE(std::vector<std::string>(series[0].begin() + 3, series[0].begin() + 6) ==
          std::vector<std::string>{"0.125", "0.105", "0.145"});
  REQUIRE(std::vector<std::string>(series[1].begin() + 3, series[1].begin() + 6) ==
          std::vector<std::string>{"0", "0", "0.02"});
}

TEST_CASE("a k that stands in the rows under two names is one measurement", "[verify figures]") {
  std::vector<VerifyRow> rows(2, row_of("theorem1", "relative", {}, 0.5, 64, 0.5));
  rows[1].k_source = "theorem1";

  const auto series = series_in(verify_claim_figure({dump_of(rows)}, "theorem1"), "relative/paper");

  REQUIRE(series.size() == 1);
  REQUIRE(series[0].back() == "1");
}

TEST_CASE("a power of two that stands on the paper's own k is left to verify.csv", "[verify figures]") {
  std::vector<VerifyRow> rows;
  for (const std::size_t k : {128U, 250U, 256U}) rows.push_back(row_of("theorem1", "relative", {}, 0.5, k, 0.5));
  rows[1].k_source = "theorem1";

  const auto series = series_in(verify_claim_figure({dump_of(rows)}, "theorem1"), "relative/paper");

  REQUIRE(series.size() == 2);
  REQUIRE(series[1][2] == "250");
}

TEST_CASE("the claimed bound between two k's lies on its exponential", "[verify figures]") {
  const std::vector<VerifyRow> rows = {row_of("lemma1", "norm", {}, 0.5, 64, 0.5),
                                       row_of("lemma1", "norm", {}, 0.5, 128, 0.4)};

  const auto curve = series_in(verify_claim_figure({dump_of(rows)}, "lemma1"), "bound:norm/paper");

  REQUIRE(curve.size() > 10);
  for (const auto& point : curve) {
    const double k = std::stod(point[2]), bound = std::stod(point[9]);
    REQUIRE(bound == Approx(2 * std::exp(-k / 64)).epsilon(1e-12));
  }
}

TEST_CASE("a bound that is cut off at 1 is no point of its exponential", "[verify figures]") {
  std::vector<VerifyRow> rows = {row_of("lemma1", "norm", {}, 0.5, 64, 0.5),
                                 row_of("lemma1", "norm", {}, 0.5, 128, 0.4)};
  rows[0].claimed_bound = 1;

  const auto curve = series_in(verify_claim_figure({dump_of(rows)}, "lemma1"), "bound:norm/paper");

  REQUIRE(curve.size() == 2);
}

TEST_CASE("series with the same bound share one dashed line", "[verify figures]") {
  std::vector<VerifyRow> rows;
  for (const std::string reading : {"norm", "inner-product", "inner-relative"})
    for (const std::size_t k : {64U, 128U}) rows.push_back(row_of("lemma1", reading, {}, 0.5, k, 0.5));
  for (VerifyRow& row : rows)
    if (row.reading == "norm") *row.claimed_bound /= 2;

  const Figure figure = verify_claim_figure({dump_of(rows)}, "lemma1");

  REQUIRE(has(figure.data, "bound:norm/paper"));
  REQUIRE(has(figure.data, "bound:inner-product/paper"));
  REQUIRE_FALSE(has(figure.data, "bound:inner-relative/paper"));
}

TEST_CASE("rows made from V are preferred to those made from other columns", "[verify figures]") {
  std::vector<VerifyRow> rows(2, row_of("lemma1", "norm", {}, 0.5, 64, 0.25));
  rows[0].columns = "attention";
  rows[0].failure_rate = 0.75;

  const auto both = series_in(verify_claim_figure({dump_of(rows)}, "lemma1"), "norm/paper");
  const auto first = series_in(verify_claim_figure({dump_of({rows[0]})}, "lemma1"), "norm/paper");

  REQUIRE(both.at(0).at(3) == "0.25");
  REQUIRE(first.at(0).at(3) == "0.75");
}

TEST_CASE("figures of verify draw the commonest n, and the title says so", "[verify figures]") {
  std::vector<VerifyRow> rows;
  for (std::size_t i = 0; i < 3; ++i) rows.push_back(row_of("lemma1", "norm", {i, 0, 0}, 0.5, 64, 0.25));
  rows[1].n = 100;

  const Figure figure = verify_claim_figure({dump_of(rows)}, "lemma1");

  REQUIRE(series_in(figure, "norm/paper").at(0).back() == "2");
  REQUIRE(has(figure.script, "n = 512 (most common of 2 lengths)"));
}

TEST_CASE("a k of the paper that is not below n is a word and no point", "[verify figures]") {
  std::vector<VerifyRow> rows(2, row_of("theorem1", "relative", {}, 0.1, 64, 0.5));
  rows[1].k = 3466;
  rows[1].k_source = "theorem1";
  rows[1].trials = 0;
  rows[1].failure_rate = rows[1].row_failure_rate = std::nullopt;

  const Figure figure = verify_claim_figure({dump_of(rows)}, "theorem1");

  REQUIRE(series_in(figure, "relative/paper").size() == 1);
  REQUIRE(has(figure.script, "'Theorem 1: k = 3466'"));
  REQUIRE_FALSE(has(figure.script, "from 3466"));
}

TEST_CASE("the paper's k below n is a line with its name", "[verify figures]") {
  std::vector<VerifyRow> rows(2, row_of("theorem2", "softmax-row-frobenius", {}, 0.5, 64, 0.5));
  rows[1].k = 416;
  rows[1].k_source = "theorem2-proof-tokens";

  const Figure figure = verify_claim_figure({dump_of(rows)}, "theorem2");

  REQUIRE(has(figure.script, "'eq. (24): k = 416'"));
  REQUIRE(has(figure.script, "set arrow from 416, graph 0 to 416, graph 1"));
}

TEST_CASE("what answering zero does is drawn from the rows of the paper's own construction", "[verify figures]") {
  std::vector<VerifyRow> rows = {row_of("theorem2", "softmax-row-frobenius", {}, 0.5, 64, 0.5)};
  rows[0].zero_failure_rate = 0.0;

  const Figure figure = verify_claim_figure({dump_of(rows)}, "theorem2");

  REQUIRE(series_in(figure, "softmax-row-frobenius/zero").at(0).at(3) == "0");
  REQUIRE(has(figure.script, "'answering zero'"));
}

TEST_CASE("Theorem 2's norms of V have a panel each, Frobenius first", "[verify figures]") {
  const std::vector<VerifyRow> rows = {row_of("theorem2", "softmax-row-spectral", {}, 0.5, 64, 0.75),
                                       row_of("theorem2", "softmax-row-frobenius", {}, 0.5, 64, 0.25)};

  const Figure figure = verify_claim_figure({dump_of(rows)}, "theorem2");

  REQUIRE(series_in(figure, "softmax-row-frobenius/paper").at(0).at(0) == "1");
  REQUIRE(series_in(figure, "softmax-row-spectral/paper").at(0).at(0) == "2");
  REQUIRE(has(figure.data, "# panel 2: m (dumps/some.h5), n = 512, epsilon = 0.5, spectral |V|\n"));
}

TEST_CASE("the RMS data hold every head and k once, bit by bit", "[verify figures]") {
  const DumpVerification dump = full_dump("m", 2, 3, 512);

  const auto rows = words_in(verify_rms_figure({dump}).data.text);

  REQUIRE(rows.size() == 6 * 6);
  for (const auto& row : rows) {
    const auto is_same = [&](const VerifyRow& other) {
      return other.reading == "relative" && other.construction == "paper" && other.id.layer == std::stoul(row[2]) &&
             other.id.head == std::stoul(row[3]) && other.k == std::stoul(row[5]);
    };
    const auto found = std::find_if(dump.rows.begin(), dump.rows.end(), is_same);
    REQUIRE(found != dump.rows.end());
    REQUIRE(std::stod(row[6]) == *found->rms_predicted);
    REQUIRE(std::stod(row[7]) == *found->rms_relative_error);
  }
}

TEST_CASE("the needed k is (1 + rho^2)/epsilon^2, mean over samples", "[verify figures]") {
  std::vector<VerifyRow> rows;
  for (const double rho : {3.0, 5.0}) {
    rows.push_back(row_of("theorem1", "relative", {rows.size(), 4, 7}, 0.5, 64, 0.5));
    rows.back().rho = rho;
    rows.push_back(rows.back());
    rows.back().k = 128;
  }

  const auto cells = words_in(verify_needed_k_figure({dump_of(rows)}).data.text);

  // (10/0.25 + 26/0.25)/2
  REQUIRE(cells == std::vector<std::vector<std::string>>{{"1", "4", "7", "0", "0", "72", "2"}});
}

TEST_CASE("a head whose P V is zero needs an infinite k", "[verify figures]") {
  std::vector<VerifyRow> rows;
  for (std::size_t sample = 0; sample < 3; ++sample) {
    rows.push_back(row_of("theorem1", "relative", {sample, 0, 0}, 0.5, 64, 0.5));
    rows.back().rho = sample == 1 ? std::numeric_limits<double>::infinity() : 3;
  }

  const auto cells = words_in(verify_needed_k_figure({dump_of(rows)}).data.text);

  REQUIRE(cells.at(0).at(5) == "inf");
}

TEST_CASE("a panel without a number says why", "[verify figures]") {
  for (const Figure& figure : every_figure({not_applicable(), dump_of({})})) {
    INFO(figure.name);

    REQUIRE(words_in(figure.data.text).empty());
    REQUIRE(has(figure.script, "not applicable:"));
    REQUIRE(has(figure.script, "the claim was not tried"));
  }
}

TEST_CASE("heads on which a claim means nothing are counted in the title", "[verify figures]") {
  std::vector<VerifyRow> rows;
  for (std::size_t head = 0; head < 3; ++head)
    rows.push_back(row_of("theorem2", "softmax-row-frobenius", {0, 0, head}, 0.5, 64, 0.5));
  rows[2].epsilon.reset();
  rows[2].judgement.verdict = Verdict::not_applicable;

  const Figure figure = verify_claim_figure({dump_of(rows)}, "theorem2");

  REQUIRE(has(figure.script, "1 layer × 2 heads"));
  REQUIRE(has(figure.script, "1 other head not applicable"));
}

TEST_CASE("panels for which there is no room are named in the data", "[verify figures]") {
  std::vector<DumpVerification> dumps(4, full_dump("m", 1, 1, 64));
  dumps[3].dump = "last.h5";

  const Figure figure = verify_claim_figure(dumps, "lemma1");

  REQUIRE(has(figure.data, "# panel 6: "));
  REQUIRE_FALSE(has(figure.data, "# panel 7: "));
  REQUIRE(has(figure.data, "# not drawn: last.h5, epsilon = 0.3\n# not drawn: last.h5, epsilon = 0.5\n"));
}

TEST_CASE("a figure of verify without a dump, or of no claim, is our own mistake", "[verify figures]") {
  REQUIRE_THROWS_AS(every_figure({}), Error);
  REQUIRE_THROWS_AS(verify_claim_figure({dump_of({})}, "theorem3"), Error);
  REQUIRE_THROWS_AS(verify_rms_figure({}), Error);
  REQUIRE_THROWS_AS(verify_needed_k_figure({}), Error);
}
