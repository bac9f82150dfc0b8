// verify.csv: its columns are a contract, and what a row does not have is an empty field.
#include <catch2/catch.hpp>

#include <sstream>
#include <string>
#include <vector>

#include "analysis/writers/verify_table.hpp"

using namespace attnspec;

namespace {

/// A row with every field.
VerifyRow full_row() {
  VerifyRow row;
  row.claim = "theorem2";
  row.reading = "softmax-row-frobenius";
  row.construction = "paper";
  row.columns = "value";
  row.norm = "frobenius";
  row.delta = "2^-n (limit)";
  row.logits = "qk";
  row.id = {3, 1, 2};
  row.n = 512;
  row.d = 64;
  row.epsilon = 0.3;
  row.k = 416;
  row.k_source = "theorem2-proof-tokens";
  row.trials = 1000;
  row.failures = 7;
  row.failure_rate = 0.007;
  row.interval = Interval{0.0028, 0.0144};
  row.row_failure_rate = 0.1 + 0.2;
  row.row_failure_se = 1e-3;
  row.claimed_bound = 12.5;
  row.exact_rate = 5e-324;
  row.zero_failure_rate = 0.0;
  row.rms_relative_error = 1.25;
  row.rms_predicted = 1.0;
  row.rho = 2.0;
  row.judgement = {Verdict::vacuous, "bound 12.5 >= 1"};
  row.tested = "row 3, column 17";
  row.exact_upper = 0.5;
  row.rms_se = 0.25;
  return row;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

}  // namespace

TEST_CASE("verify.csv has the columns that programs rely on, in their order", "[verify table]") {
  REQUIRE(verify_csv({}) ==
          "dump,model,claim,reading,construction,columns,norm,delta,logits,layer,head,sample,n,d,epsilon,k,k_source,"
          "trials,failures,failure_rate,ci_low,ci_high,row_failure_rate,row_failure_se,claimed_bound,exact_rate,"
          "zero_failure_rate,rms_relative_error,rms_predicted,rho,verdict,reason,tested,exact_upper,rms_se\n");
}

TEST_CASE("every field of a row stands in its own column of verify.csv", "[verify table]") {
  const std::string csv = verify_csv({{"a.h5", "m", {0.3}, 1000, 0.95, {full_row()}}});

  REQUIRE(lines_of(csv).at(1) ==
          "a.h5,m,theorem2,softmax-row-frobenius,paper,value,frobenius,2^-n (limit),qk,1,2,3,512,64,0.3,416,"
          "theorem2-proof-tokens,1000,7,0.007,0.0028,0.0144,0.30000000000000004,0.001,12.5,5e-324,0,1.25,1,2,vacuous,"
          "bound 12.5 >= 1,\"row 3, column 17\",0.5,0.25");
}

TEST_CASE("what a row does not have is an empty field of verify.csv", "[verify table]") {
  VerifyRow row;
  row.claim = "theorem1";
  row.reading = "as-quantified";
  row.construction = "rank-one";
  row.n = 8;
  row.k = 1;
  row.judgement = {Verdict::trivially_true, "rank one"};

  const std::string csv = verify_csv({{"a.h5", "m", {}, 0, 0.95, {row}}});

  REQUIRE(lines_of(csv).at(1) ==
          "a.h5,m,theorem1,as-quantified,rank-one,,,,,0,0,0,8,,,1,,0,0,,,,,,,,,,,,"
          "trivially-true,rank one,,,");
}

TEST_CASE("names with commas, quotes and line breaks stay in their field of verify.csv", "[verify table]") {
  VerifyRow row = full_row();
  row.judgement.reason = "1,2 \"3\"";

  const std::string csv = verify_csv({{"a,b.h5", "two\nlines", {}, 0, 0.95, {row}}});

  REQUIRE(csv.find("\n\"a,b.h5\",\"two\nlines\",theorem2,") != std::string::npos);
  REQUIRE(csv.find(",vacuous,\"1,2 \"\"3\"\"\",\"row 3, column 17\",0.5,0.25\n") != std::string::npos);
}

TEST_CASE("verify.csv has a line a row, dump after dump, in the order of the rows", "[verify table]") {
  VerifyRow other = full_row();
  other.id.head = 9;
  const DumpVerification first{"a.h5", "m", {}, 0, 0.95, {full_row(), other}},
      second{"b.h5", "m", {}, 0, 0.95, {other}};

  const std::vector<std::string> lines = lines_of(verify_csv({first, second}));

  REQUIRE(lines.size() == 4);
  REQUIRE(lines[2].find("a.h5,m,theorem2,softmax-row-frobenius,paper,value,frobenius,2^-n (limit),qk,1,9,") == 0);
  REQUIRE(lines[3].find("b.h5,") == 0);
}
