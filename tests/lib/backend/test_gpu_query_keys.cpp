// P made on a card from queries and keys, on a card that is not one, against the host's own.
#include <catch2/catch.hpp>

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <random>
#include <utility>

#include "lib/core/error.hpp"
#include "lib/dump/attention.hpp"
#include "lib/dump/attention_dump.hpp"
#include "lib/dump/batch_reader.hpp"
#include "lib/dump/dump_writer.hpp"
#include "lib/core/half.hpp"
#include "tests/support/fake_gpu.hpp"
#include "tests/support/heads.hpp"
#include "tests/support/matrices.hpp"
#include "tests/support/tolerance.hpp"

using namespace attnspec;
using namespace attnspec::test;

namespace {

using Kind = AttentionMask::Kind;

struct Case {
  MatrixShape shape;
  std::size_t rank;
  std::vector<AttentionRule> rules;  ///< one a head
  bool biased = false;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> all{
      {{1, 1}, 1, {{1, 0, {Kind::causal, 0}}}},
      {{9, 9}, 4, {{0.5, 0, {Kind::bidirectional, 0}}, {-0.2, 3, {Kind::causal, 0}}, {0.9, 0, {Kind::sliding, 1}}}},
      {{5, 12}, 3, {{0.4, 0, {Kind::cross, 0}}, {0.4, 2, {Kind::causal, 0}}}},
      {{12, 5}, 2, {{0.4, 0, {Kind::bidirectional, 0}}, {1.4, 0, {Kind::causal, 0}}}},
      {{33, 33}, 16, {{0.25, 5, {Kind::sliding, 7}}, {0.25, 0, {Kind::bidirectional, 0}}}, true},
      {{150, 150}, 8, {{2, 0, {Kind::bidirectional, 0}}, {2, 0, {Kind::sliding, 40}}}}};
  return all;
}

std::vector<double> halves(std::size_t count, std::mt19937_64& bits) {
  std::normal_distribution<double> normal;
  std::vector<double> numbers(count);
  for (double& number : numbers) number = from_half(to_half(normal(bits)));
  return numbers;
}

QueryKeyHeads heads_of(const Case& c) {
  std::mt19937_64 bits(c.rank);
  QueryKeyHeads heads;
  heads.rank = c.rank;
  heads.rules = c.rules;
  heads.queries = halves(c.rules.size() * c.shape.rows * c.rank, bits);
  heads.keys = halves(c.rules.size() * c.shape.cols * c.rank, bits);
  if (c.biased) heads.biases = halves(c.rules.size() * c.shape.elements(), bits);
  heads.input_roundoff = 0x1p-11;
  return heads;
}

std::vector<MatrixId> ids_of(std::size_t count) {
  std::vector<MatrixId> ids;
  for (std::size_t b = 0; b < count; ++b) ids.push_back({0, 0, b});
  return ids;
}

MatrixBatch as_heads(const Case& c) {
  return {c.shape, ids_of(c.rules.size()), std::make_unique<const QueryKeyHeads>(heads_of(c))};
}

/// The same by the host.
MatrixBatch as_attention(const Case& c) {
  const QueryKeyHeads heads = heads_of(c);
  MatrixBatch batch(c.shape, ids_of(c.rules.size()));
  const auto part = [](const std::vector<double>& numbers, std::size_t b, std::size_t size) {
    return numbers.empty() ? std::span<const double>() : std::span<const double>(numbers).subspan(b * size, size);
  };
  for (std::size_t b = 0; b < batch.size(); ++b)
    batch.set_storage_error(b, attention_from_query_key(part(heads.queries, b, c.shape.rows * c.rank),
                                                        part(heads.keys, b, c.shape.cols * c.rank),
                                                        part(heads.biases, b, c.shape.elements()), c.shape, c.rules[b],
                                                        heads.input_roundoff, batch.matrix(b)));
  return batch;
}

double largest_score(const Case& c) {
  double scale = 0;
  for (const AttentionRule& rule : c.rules) scale = std::max(scale, std::abs(rule.scale));
  return scale * 16 * static_cast<double>(c.rank) + 4;  // |normal| < 4 in all of them
}

/// A file of this process, removed at the end.
struct TemporaryDump {
  std::string file = (std::filesystem::temp_directory_path() / ("attnspec-gpu-" + std::to_string(getpid()) + ".h5"));
  ~TemporaryDump() { std::filesystem::remove(file); }
};

}  // namespace

TEST_CASE("queries and keys give the spectrum of the host's P for every mask, softcap, bias and shape", "[gpu]") {
  const auto reference = make_reference();
  for (const Case& c : cases())
    for (const GpuMethod method : {GpuMethod::gram, GpuMethod::direct})
      for (const bool backwards : {false, true}) {
        CAPTURE(c.shape.rows, c.shape.cols, method == GpuMethod::gram, backwards);
        const auto log = std::make_shared<FakeGpuLog>();
        log->backwards = backwards;
        const MatrixBatch host = as_attention(c);
        const double part = attention_tolerance(c.rank, c.shape.cols, largest_score(c));

        const auto spectra = fake_backend(log, method)->singular_values(as_heads(c));

        const auto truth = reference->singular_values(host);
        for (std::size_t b = 0; b < truth.size(); ++b) {
          REQUIRE(spectra[b].status == SvdStatus::ok);
          const std::vector<double> matrix(host.matrix(b).begin(), host.matrix(b).end());
          const double allowed =
              sigma_tolerance(method == GpuMethod::gram ? "gram" : "direct", c.shape, truth[b].values[0]) +
              part * std::sqrt(frobenius_squared(matrix));
          REQUIRE(largest_difference(spectra[b].values, truth[b].values) <= allowed);
          REQUIRE(std::abs(spectra[b].storage_error - host.storage_error(b)) <= 2 * part * host.storage_error(b));
        }
        REQUIRE(log->violations.empty());
      }
}

TEST_CASE("only queries and keys cross the bus, in the bytes that they are stored in", "[gpu]") {
  const Case c{{64, 64}, 8, std::vector<AttentionRule>(5, {0.4, 0, {Kind::causal, 0}})};
  const auto log = std::make_shared<FakeGpuLog>();

  fake_backend(log)->singular_values(as_heads(c));

  const std::size_t a_head = 2 * 64 * 8 * 2 + 64 * sizeof(double) + sizeof(GpuScoreRule);  // with the keys' norms
  REQUIRE(log->uploaded == 5 * a_head);
  REQUIRE(log->uploaded * 4 < 5 * c.shape.elements() * sizeof(float));
}

TEST_CASE("queries and keys in cuts give what they give together, within the card's memory", "[gpu]") {
  const Case c{{20, 20}, 4, std::vector<AttentionRule>(17, {0.4, 0, {Kind::bidirectional, 0}})};
  const auto small = std::make_shared<FakeGpuLog>(), large = std::make_shared<FakeGpuLog>();
  small->memory = 80000;

  const auto cut = fake_backend(small)->singular_values(as_heads(c));
  const auto whole = fake_backend(large)->singular_values(as_heads(c));

  for (std::size_t b = 0; b < whole.size(); ++b) {
    REQUIRE(cut[b].values == whole[b].values);
    REQUIRE(cut[b].storage_error == whole[b].storage_error);
  }
  REQUIRE(small->two_stage > 2);
  REQUIRE(small->peak <= small->memory);
  REQUIRE(small->violations.empty());
}

TEST_CASE("a dump of queries and keys is read as such, and its spectra are those of its P", "[gpu]") {
  const TemporaryDump place;
  constexpr std::size_t n = 40, rank = 4, heads = 3, broken = 2;
  const AttentionRule rule{0.5, 0, {Kind::causal, 0}};
  std::mt19937_64 bits(1);
  for (const bool damaged : {false, true}) {
    DumpWriter writer(place.file, {"", 1, 1, heads, n, rank, rule, StoredType::float16, false});
    for (std::size_t h = 0; h < heads; ++h) {
      std::vector<double> query = halves(n * rank, bits), key = halves(n * rank, bits);
      if (damaged && h == broken) query[7] = std::numeric_limits<double>::quiet_NaN();
      writer.write_query_key({0, 0, h}, query, key);
    }
    writer.finish();
    const AttentionDump dump(place.file);
    const auto log = std::make_shared<FakeGpuLog>();

    const auto batch =
        BatchReader(dump.batches(dump.everything(), {std::size_t{1} << 20, 1, 2, 0, false, true})).next();
    const auto attention =
        BatchReader(dump.batches(dump.everything(), {std::size_t{1} << 20, 1, 1, 0, false, false})).next();

    REQUIRE((batch->queries_and_keys() != nullptr) == !damaged);  // NaN wants a look at its P
    REQUIRE(attention->queries_and_keys() == nullptr);
    const auto spectra = fake_backend(log)->singular_values(*batch);
    const auto truth = make_reference()->singular_values(*attention);
    for (std::size_t h = 0; h < heads; ++h) {
      REQUIRE(spectra[h].id == truth[h].id);
      REQUIRE(spectra[h].status == truth[h].status);
      if (truth[h].status == SvdStatus::ok)
        REQUIRE(largest_difference(spectra[h].values, truth[h].values) <=
                sigma_tolerance("gram", {n, n}, truth[h].values[0]));
    }
    std::filesystem::remove(place.file);
  }
}
