// The ladder of findings: which fault wins, and what no dump of ours can hold.
#include <catch2/catch.hpp>

#include <cmath>
#include <functional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "analysis/matrix_finding.hpp"
#include "tests/support/matrices.hpp"

using namespace attnspec;
using namespace attnspec::test;

namespace {

constexpr std::size_t n = 64;

DumpInfo info_with(AttentionMask mask = {}) {
  DumpInfo info;
  info.file = "a.h5";
  info.dtype = "float32";
  info.encoding.type = StoredType::float32;
  info.rules.resize(8);
  info.rules[7].mask = mask;
  info.query_lengths = info.key_lengths = std::vector<std::size_t>(4, n);
  return info;
}

Soundness sound() { return soundness_of(random_attention({n, n}, 2, 1), {n, n}, {RowSum::one, 1.2e-6, false, 0}); }

std::string kind_of(const Soundness& seen, const DumpInfo& info = info_with()) {
  const auto finding = finding_of(info, {3, 7, 2}, seen);
  return finding ? finding->kind : "sound";
}

}  // namespace

TEST_CASE("each rung of the ladder is graver than those below it") {
  using Kind = AttentionMask::Kind;
  const DumpInfo info = info_with({Kind::sliding, 8});
  const std::vector<std::pair<std::string, std::function<void(Soundness&)>>> ladder{
      {"outside_window", [](Soundness& seen) { seen.outside_window = 0.5; }},
      {"above_diagonal", [](Soundness& seen) { seen.above_diagonal = 0.5; }},
      {"row_sum", [](Soundness& seen) { seen.row_error = 0.3, seen.worst_column_error = 1; }},
      {"transposed", [](Soundness& seen) { seen.worst_column_error = 0; }},
      {"zero_rows", [](Soundness& seen) { seen.zero_rows = 1; }},
      {"above_one", [](Soundness& seen) { seen.above_one = 1; }},
      {"dropout", [](Soundness& seen) { seen.zeros = n * n / 10, seen.rows_below = seen.rows_above = n / 3; }},
      {"negative", [](Soundness& seen) { seen.negative = 1, seen.rows_below = seen.rows_above = 1; }},
      {"logits", [](Soundness& seen) { seen.rows_below = n - 1; }},
      {"not_finite", [](Soundness& seen) { seen.not_finite = 1; }},
      {"unwritten", [](Soundness& seen) { seen.unwritten = 2; }},
      {"missing", [](Soundness& seen) { seen.missing = true; }}};
  Soundness seen = sound();
  seen.above_diagonal = 0;
  REQUIRE(kind_of(seen, info) == "sound");
  for (const auto& [kind, spoil] : ladder) {
    spoil(seen);
    REQUIRE(kind_of(seen, info) == kind);
    REQUIRE(finding_of(info, {3, 7, 2}, seen)->severity == Severity::refused);
  }
}

TEST_CASE("what was never written, and what is missing, is said with its place and a way on") {
  Soundness seen = sound();
  seen.unwritten = 3;
  REQUIRE(
      finding_of(info_with(), {3, 7, 2}, seen)->sentence ==
      "a.h5: /attention (sample 3, layer 7, head 2): 3 of its stored pieces (chunks) were never written, expected all "
      "of them. An unfinished dump: dump it again, or choose what is there with --samples, --layers and --heads.");
  seen.missing = true;
  REQUIRE(
      finding_of(info_with(), {3, 7, 2}, seen)->sentence ==
      "a.h5: /attention (sample 3, layer 7, head 2): the file has no dataset for it, expected one for every sample, "
      "layer and head. Dump it again, or choose what is there with --samples, --layers and --heads.");
}

TEST_CASE("a refused fault goes before a warning of a graver name") {
  Soundness seen = sound();
  seen.row_error = 0.01;
  seen.above_diagonal = 0.5;

  const auto finding = finding_of(info_with({AttentionMask::Kind::causal, 0}), {3, 7, 2}, seen);

  REQUIRE(finding->kind == "above_diagonal");
  REQUIRE(finding->severity == Severity::refused);
}

TEST_CASE("mass above the diagonal is nothing under a mask that shows it") {
  Soundness seen = sound();
  seen.above_diagonal = 0.5;
  REQUIRE(kind_of(seen) == "sound");
  REQUIRE(kind_of(seen, info_with({AttentionMask::Kind::cross, 0})) == "sound");
}

TEST_CASE("dropout is recognised in 200 matrices of every peakedness, and none without it") {
  // Fixed seeds: nothing here is left to chance.
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const double rate = 0.05 + 0.05 * static_cast<double>(seed % 12);
    auto p = random_attention({n, n}, 0.5 + 0.5 * static_cast<double>(seed % 7), seed);
    const Expected expected{RowSum::one, 1.2e-6, false, 0};
    REQUIRE_FALSE(dropout_rate(soundness_of(p, {n, n}, expected), {n, n}));
    std::mt19937_64 bits(seed);
    std::bernoulli_distribution dropped(rate);
    for (double& entry : p) entry = dropped(bits) ? 0 : entry / (1 - rate);

    const auto found = dropout_rate(soundness_of(p, {n, n}, expected), {n, n});

    REQUIRE(found);
    REQUIRE(std::abs(*found - rate) < 5 * std::sqrt(rate * (1 - rate)) / n);
  }
}
