// Fingerprints: equal for equal matrices, and for no others that a dump could hold.
#include <catch2/catch.hpp>

#include <cmath>
#include <set>
#include <utility>
#include <vector>

#include "analysis/matrix_fingerprint.hpp"
#include "tests/support/matrices.hpp"

using namespace attnspec;
using namespace attnspec::test;

TEST_CASE("a matrix and its copy have one fingerprint, and every changed, swapped or cut one another") {
  // 1 + 2 * 19 fingerprints of 64 bits: two meet by chance with a probability below 1e-16.
  const auto matrix = random_attention({4, 5}, 1, 3);
  std::set<std::uint64_t> seen{fingerprint_of(matrix)};
  REQUIRE(seen.contains(fingerprint_of(std::vector<double>(matrix))));
  for (std::size_t i = 0; i + 1 < matrix.size(); ++i) {
    auto other = matrix;
    other[i] = std::nextafter(other[i], 2);
    REQUIRE(seen.insert(fingerprint_of(other)).second);
    other = matrix;
    std::swap(other[i], other[i + 1]);
    REQUIRE(seen.insert(fingerprint_of(other)).second);
  }
  REQUIRE(seen.insert(fingerprint_of(std::vector<double>(matrix.begin(), matrix.end() - 1))).second);
}

TEST_CASE("the order of a chain of matrices counts") {
  const auto a = random_attention({4, 4}, 1, 1), b = random_attention({4, 4}, 1, 2);
  REQUIRE(fingerprint_of(b, fingerprint_of(a)) == fingerprint_of(b, fingerprint_of(a)));
  REQUIRE(fingerprint_of(b, fingerprint_of(a)) != fingerprint_of(a, fingerprint_of(b)));
}

TEST_CASE("uniform, causal uniform, identity and one-hot matrices are plain, and softmax ones are not") {
  const MatrixShape shape{12, 12};
  for (const char* name : {"uniform", "causal", "identity", "one_hot", "zero"})
    REQUIRE(is_plain(family(name, shape, 4), shape));
  REQUIRE_FALSE(is_plain(family("softmax", shape, 4), shape));
}
