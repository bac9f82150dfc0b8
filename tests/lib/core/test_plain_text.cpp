// Text from files: what a terminal may see, and what a file may hold.
#include <catch2/catch.hpp>

#include "lib/core/plain_text.hpp"

using namespace attnspec;

TEST_CASE("control characters do not reach a terminal, line breaks do") {
  REQUIRE(printable("a\x1b[31mb\x07\nc\td\x7f") == "a?[31mb?\nc\td?");
  REQUIRE(printable("größe ×") == "größe ×");
}

TEST_CASE("bytes that are no UTF-8 are replaced one by one, characters stay") {
  const std::string replaced = "\xEF\xBF\xBD";
  REQUIRE(valid_utf8("naïve 𝛔 ok") == "naïve 𝛔 ok");
  REQUIRE(valid_utf8("caf\xe9") == "caf" + replaced);
  REQUIRE(valid_utf8("\xC0\xAF") == replaced + replaced);                 // overlong
  REQUIRE(valid_utf8("\xED\xA0\x80") == replaced + replaced + replaced);  // a surrogate
  REQUIRE(valid_utf8("\xF0\x9F\x98") == replaced + replaced + replaced);  // cut off
}
