// Patterns of paths: what fits, what does not, and what is no pattern.
#include <catch2/catch.hpp>

#include <map>
#include <string>

#include "lib/core/error.hpp"
#include "lib/dump/path_pattern.hpp"

using namespace attnspec;

namespace {

using Values = std::map<char, std::string>;

ErrorKind kind_of_error(const std::string& pattern) {
  try {
    const PathPattern accepted(pattern);
  } catch (const Error& error) {
    return error.kind();
  }
  return ErrorKind::internal;
}

}  // namespace

TEST_CASE("a path that fits gives the text at each letter") {
  struct Case {
    std::string pattern, path;
    Values values;
  };
  const std::vector<Case> cases{
      {"layer_{L}/batch_{S}/head_{H}", "layer_3/batch_012/head_7", {{'L', "3"}, {'S', "012"}, {'H', "7"}}},
      {"{S}", "123456789", {{'S', "123456789"}}},
      {"a/{S*}", "a/any thing_1.x", {{'S', "any thing_1.x"}}},
      {"a/{S*}/b", "a/7/b", {{'S', "7"}}},
      {"{L}.{H}x", "1.2x", {{'L', "1"}, {'H', "2"}}},
      {"/layer_{L}", "layer_3", {{'L', "3"}}},
      {"plain", "plain", {}}};
  for (const Case& c : cases) {
    INFO(c.pattern << " on " << c.path);
    REQUIRE(PathPattern(c.pattern).match(c.path) == c.values);
  }
}

TEST_CASE("a path that does not fit whole does not fit") {
  const std::vector<std::pair<std::string, std::string>> cases{{"layer_{L}", "layer_"},
                                                               {"layer_{L}", "layer_x"},
                                                               {"layer_{L}", "layer_3x"},
                                                               {"layer_{L}", "xlayer_3"},
                                                               {"layer_{L}", "layer_-3"},
                                                               {"layer_{L}", "layer_3/0"},
                                                               {"layer_{L}", ""},
                                                               {"{S}", "1234567890"},
                                                               {"a/{S*}", "a/"},
                                                               {"a/{S*}", "a/b/c"},
                                                               {"{L}{H}", "12"},
                                                               {"{L}.{H}x", "1.2"},
                                                               {"blocks.{L}.attn", "blocksx1.attn"},
                                                               {"plain", "plain2"}};
  for (const auto& [pattern, path] : cases) {
    INFO(pattern << " on " << path);
    REQUIRE(!PathPattern(pattern).match(path));
  }
}

TEST_CASE("a pattern says which letters it has, and its text without the first slash") {
  const PathPattern pattern("/a{L}/{S*}");

  REQUIRE(pattern.names('L'));
  REQUIRE(pattern.names('S'));
  REQUIRE(!pattern.names('H'));
  REQUIRE(pattern.text() == "a{L}/{S*}");
}

TEST_CASE("what is no pattern is a usage error") {
  for (const char* pattern : {"{", "{L", "{}", "{X}", "{L*}", "{H*}", "{LL}", "{L}{L}", "{S}{S*}", "{l}", "{{L}}"}) {
    INFO(pattern);
    REQUIRE(kind_of_error(pattern) == ErrorKind::usage);
  }
}
