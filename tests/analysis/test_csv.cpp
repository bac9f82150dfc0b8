// CSV fields: quoting, and numbers that read back the same bits.
#include <catch2/catch.hpp>

#include <cmath>
#include <cstdlib>

#include "analysis/writers/csv.hpp"

using namespace attnspec;

TEST_CASE("fields with commas, quotes and line breaks are quoted, others are not") {
  CsvText csv("a,b,c,d");

  csv.field("plain").field("x,y").field("say \"hi\"").field("two\nlines").end_row();

  REQUIRE(csv.take() == "a,b,c,d\nplain,\"x,y\",\"say \"\"hi\"\"\",\"two\nlines\"\n");
}

TEST_CASE("doubles read back the same bits, and NaN is an empty field") {
  for (const double value : {0.1, 1.0 / 3, 5e-324, 1.7976931348623157e308, -0.0, 123456789.0}) {
    CsvText csv("x");
    csv.field(value).end_row();
    const std::string text = csv.take().substr(2);
    REQUIRE(std::strtod(text.c_str(), nullptr) == value);
  }
  CsvText csv("x,y");
  csv.field(std::nan("")).field(std::size_t{7}).end_row();
  REQUIRE(csv.take() == "x,y\n,7\n");
}
