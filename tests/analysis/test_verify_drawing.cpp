// gnuplot draws every panel of verify's figures that can come up, without a word and always the same.
#include <catch2/catch.hpp>

#include <limits>
#include <map>
#include <string>
#include <vector>

#include "tests/support/drawing.hpp"
#include "tests/support/verifications.hpp"

using namespace attnspec;
using namespace attnspec::test;

namespace {

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

TEST_CASE("gnuplot draws every figure of verify in every format without a word", "[verify figures]") {
  if (!has_gnuplot()) return;
  for (const auto& [name, dumps] : every_case()) {
    for (const Figure& figure : every_figure(dumps)) {
      INFO(name);
      require_drawn(figure);
    }
  }
}

TEST_CASE("hostile names in a verification draw as text and run nothing", "[verify figures]") {
  if (!has_gnuplot()) return;
  for (const std::string& name : hostile_names()) {
    DumpVerification in_names = full_dump(name, 1, 1, 16), in_rows = not_applicable();
    in_names.dump = in_rows.dump = name;
    in_rows.model = "";
    for (VerifyRow& row : in_rows.rows) row.judgement.reason = name;
    for (VerifyRow& row : in_names.rows)
      if (row.k_source == "theorem1") row.k_source = name;
    for (const Figure& figure : every_figure({in_names, in_rows})) {
      const DrawingFolder folder;
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
    const DrawingFolder folder;
    for (const Figure& figure : every_figure({full_dump("m", 2, 2, 64)})) {
      REQUIRE(folder.draw(figure, "svg png") == 0);
      picture += folder.bytes_of(figure.name + ".svg") + folder.bytes_of(figure.name + ".png");
    }
  }

  const bool same = pictures[0] == pictures[1];
  REQUIRE(same);
}
