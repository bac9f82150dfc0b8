// The figures of verify: the data hold the rows' numbers, and gnuplot draws every panel that can come up.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <sstream>
#include <string>
#include <unistd.h>
#include <vector>

#include "analysis/writers/verify_figures.hpp"
#include "lib/core/error.hpp"

using namespace attnspec;
namespace fs = std::filesystem;

namespace {

VerifyRow row_of(const std::string& claim, const std::string& reading, MatrixId id, double epsilon, std::size_t k,
                 double rate) {
  VerifyRow row;
  row.claim = claim;
  row.reading = reading;
  row.construction = "paper";
  row.columns = "value";
  row.id = id;
  row.n = 512;
  row.d = 32;
  row.epsilon = epsilon;
  row.k = k;
  row.k_source = "power-of-two";
  row.trials = 1000;
  row.failures = static_cast<std::size_t>(rate * 1000);
  row.failure_rate = rate;
  row.interval = Interval{rate / 2, (1 + rate) / 2};
  row.row_failure_rate = rate / 4;
  row.row_failure_se = 0.01;
  row.claimed_bound = 2 * std::exp(-static_cast<double>(k) / 64);
  row.judgement = {Verdict::holds, ""};
  return row;
}

DumpVerification dump_of(const std::vector<VerifyRow>& rows) {
  return {"dumps/some.h5", "m", {0.3, 0.5}, 1000, 0.95, rows};
}

/// Every claim and reading on a few heads, as verify gives them.
DumpVerification full_dump(const std::string& model, std::size_t layers, std::size_t heads, std::size_t n) {
  DumpVerification dump = dump_of({});
  dump.model = model;
  const std::vector<std::pair<std::string, std::string>> readings = {{"lemma1", "norm"},
                                                                     {"lemma1", "inner-product"},
                                                                     {"lemma1", "inner-relative"},
                                                                     {"theorem1", "relative"},
                                                                     {"theorem1", "rowwise"},
                                                                     {"theorem2", "softmax-row-frobenius"},
                                                                     {"theorem2", "softmax-row-spectral"}};
  for (const auto& [claim, reading] : readings)
    for (std::size_t h = 0; h < layers * heads; ++h)
      for (const double epsilon : dump.epsilons)
        for (std::size_t k = n > 16 ? 8 : 1; k < 2 * n; k *= 2) {
          const double x = static_cast<double>(k) / 64 * epsilon / (1 + static_cast<double>(h % 5));
          VerifyRow row = row_of(claim, reading, {0, h / heads, h % heads}, epsilon, k, std::exp(-x * x * 8));
          row.n = n;
          row.rho = 2 + static_cast<double>(h % 7);
          if (reading == "norm" || h % 2 == 0) row.exact_rate = row.failure_rate;
          if (k >= n) {
            row.k_source = "theorem1";
            row.trials = 0;
            row.failure_rate.reset();
            row.row_failure_rate.reset();
          } else if (reading == "relative") {
            row.rms_predicted = std::sqrt((1 + *row.rho * *row.rho) / static_cast<double>(k));
            row.rms_relative_error = *row.rms_predicted * (h % 2 == 0 ? 1.01 : 0.99);
          }
          if (claim != "lemma1") row.zero_failure_rate = claim == "theorem1" ? 1 : 0;
          dump.rows.push_back(row);
          row.construction = claim == "theorem1" ? "svd" : "gaussian";
          if (claim != "lemma1") dump.rows.push_back(row);
        }
  return dump;
}

std::vector<Figure> every_figure(const std::vector<DumpVerification>& dumps) {
  return {verify_claim_figure(dumps, "lemma1"), verify_claim_figure(dumps, "theorem1"),
          verify_claim_figure(dumps, "theorem2"), verify_rms_figure(dumps), verify_needed_k_figure(dumps)};
}

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

bool has_gnuplot() {
  static const bool found = std::system("gnuplot --version > /dev/null 2>&1") == 0;
  if (!found) WARN("gnuplot is not here: nothing was drawn");
  return found;
}

/// A folder of its own, gone at the end.
class Folder {
 public:
  Folder() : path_(fs::temp_directory_path() / ("attnspec_verify_figures_" + std::to_string(getpid()))) {
    fs::remove_all(path_);
    fs::create_directories(path_);
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  bool has(const std::string& name) const { return fs::exists(path_ / name) && fs::file_size(path_ / name) > 500; }
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(path_), fs::directory_iterator()));
  }
  std::string bytes_of(const std::string& name) const {
    std::stringstream bytes;
    bytes << std::ifstream(path_ / name, std::ios::binary).rdbuf();
    return bytes.str();
  }
  /// gnuplot's exit code, or -1 where it wrote anything but pictures, a warning for instance.
  int draw(const Figure& figure, const std::string& formats) const {
    for (const TextFile& file : {figure.script, figure.data}) std::ofstream(path_ / file.name) << file.text;
    const std::string log = "../" + path_.filename().string() + ".log";
    const std::string command = "cd '" + path_.string() + "' && LC_ALL=C.UTF-8 gnuplot -e \"formats='" + formats +
                                "'\" " + figure.script.name + " > " + log + " 2>&1";
    const int code = std::system(command.c_str());
    const std::string said = bytes_of(log);
    fs::remove(path_ / log);
    UNSCOPED_INFO(figure.name << ": " << said);
    return code == 0 && !said.empty() ? -1 : code;
  }

 private:
  fs::path path_;
};

/// Nothing of Theorem 2 can be said on this dump.
DumpVerification not_applicable() {
  DumpVerification dump = full_dump("tiny", 1, 2, 64);
  for (VerifyRow& row : dump.rows) {
    row.judgement = {Verdict::not_applicable, "log P is not finite: 4 % of P is zero"};
    row.failure_rate = row.row_failure_rate = row.zero_failure_rate = row.rho = row.rms_relative_error = std::nullopt;
    row.epsilon = std::nullopt;
    row.trials = 0;
  }
  return dump;
}

std::map<std::string, std::vector<DumpVerification>> every_case() {
  const std::string long_name =
      "/home/user/models/sentence-transformers--paraphrase-multilingual-mpnet-base-v2-finetuned-on-something";
  DumpVerification one_k = full_dump("one k", 2, 2, 512), edges = full_dump("edges", 2, 2, 64);
  std::erase_if(one_k.rows, [](const VerifyRow& row) { return row.k != 128; });
  for (VerifyRow& row : edges.rows) {
    row.failure_rate = row.id.head == 0 ? 0 : 1;
    row.exact_rate = 0;
    row.rho = std::numeric_limits<double>::infinity();
    row.rms_predicted = row.rho;
  }
  return {{"two epsilons", {full_dump("roberta-base", 6, 12, 512)}},
          {"many heads", {full_dump("large", 24, 16, 128)}},
          {"long names", {full_dump(long_name, 2, 2, 64), full_dump(long_name, 2, 2, 64)}},
          {"one head", {full_dump("one", 1, 1, 64)}},
          {"n = 1", {full_dump("one", 1, 1, 1)}},
          {"one k", {one_k}},
          {"rates of 0 and 1, nothing finite", {edges}},
          {"nothing to draw", {not_applicable(), dump_of({})}},
          {"more panels than fit",
           {full_dump("a", 1, 2, 64), full_dump("b", 1, 2, 32), dump_of({}), full_dump("c", 1, 2, 16),
            full_dump("d", 1, 2, 64)}}};
}

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

TEST_CASE("gnuplot draws every figure of verify in every format without a word", "[verify figures]") {
  if (!has_gnuplot()) return;
  for (const auto& [name, dumps] : every_case()) {
    for (const Figure& figure : every_figure(dumps)) {
      const Folder folder;
      INFO(name);

      REQUIRE(folder.draw(figure, "svg pdf png") == 0);

      for (const std::string format : {".svg", ".pdf", ".png"}) REQUIRE(folder.has(figure.name + format));
    }
  }
}

TEST_CASE("hostile names in a verification draw as text and run nothing", "[verify figures]") {
  if (!has_gnuplot()) return;
  for (const std::string name :
       {"'; system('touch pwned'); '", "`touch pwned`", "\"; system(\"touch pwned\")", "x\nsystem('touch pwned')",
        "x\r!touch pwned", "ends in \\", "#!&~%s%n", "\xff\xc3", "$(touch pwned)", "' . system('touch pwned') . '"}) {
    DumpVerification in_names = full_dump(name, 1, 1, 16), in_rows = not_applicable();
    in_names.dump = in_rows.dump = name;
    in_rows.model = "";
    for (VerifyRow& row : in_rows.rows) row.judgement.reason = name;
    for (VerifyRow& row : in_names.rows)
      if (row.k_source == "theorem1") row.k_source = name;
    for (const Figure& figure : every_figure({in_names, in_rows})) {
      const Folder folder;
      INFO(name);

      REQUIRE(folder.draw(figure, "svg") == 0);

      REQUIRE(folder.has(figure.name + ".svg"));
      REQUIRE(folder.files() == 3);
    }
  }
}

TEST_CASE("the same verification gives the same pictures, byte by byte", "[verify figures]") {
  if (!has_gnuplot()) return;
  std::vector<std::string> pictures(2);
  for (std::string& picture : pictures) {
    const Folder folder;
    for (const Figure& figure : every_figure({full_dump("m", 2, 2, 64)})) {
      REQUIRE(folder.draw(figure, "svg png") == 0);
      picture += folder.bytes_of(figure.name + ".svg") + folder.bytes_of(figure.name + ".png");
    }
  }

  const bool same = pictures[0] == pictures[1];
  REQUIRE(same);
}
