// Trials on a card that is not one: the reference's errors, the same bits in any cut and company.
#include <catch2/catch.hpp>

#include <span>
#include <tuple>
#include <utility>

#include "tests/support/fake_gpu.hpp"
#include "tests/support/heads.hpp"
#include "tests/support/tolerance.hpp"

using namespace attnspec;
using namespace attnspec::test;

namespace {

void check_errors(const ErrorList& found, const ErrorList& expected, std::size_t tokens) {
  REQUIRE(found.errors.size() == expected.errors.size());
  for (const auto& [place, error] : found.errors) {
    const StoredError& wanted = expected.errors.at(place);
    const double allowed = output_tolerance(tokens, wanted.largest()), squares = allowed * (1 + wanted.largest());
    CAPTURE(std::get<0>(place), std::get<1>(place), std::get<2>(place));
    REQUIRE(largest_difference(error.cells, wanted.cells) <= allowed);
    REQUIRE(largest_difference(error.columns, wanted.columns) <= squares * static_cast<double>(wanted.rows.size()));
    REQUIRE(largest_difference(error.rows, wanted.rows) <= squares * static_cast<double>(wanted.columns.size()));
  }
}

}  // namespace

TEST_CASE("on a fake card every construction has the reference's errors", "[gpu]") {
  const auto reference = make_reference();
  for (const bool eager : {false, true})
    for (const auto& [queries, tokens, width, rank] :
         {std::tuple(1, 1, 1, 1), std::tuple(5, 5, 3, 2), std::tuple(17, 9, 4, 3), std::tuple(12, 20, 5, 6)}) {
      CAPTURE(eager, queries, tokens);
      const std::vector<Head> heads = random_heads(3, queries, tokens, width, rank, 11);
      const Maps maps(5, tokens + 2, tokens, 5);
      const auto log = std::make_shared<FakeGpuLog>();
      log->eager = eager;
      ErrorList expected, found;
      reference->output_errors(pointers(heads), maps.pairs(), every_form(tokens, true), expected);

      fake_backend(log)->output_errors(pointers(heads), maps.pairs(), every_form(tokens, true), found);

      check_errors(found, expected, tokens);
      REQUIRE(log->violations.empty());
    }
}

TEST_CASE("heads of unlike shapes, and logits without keys, are blocks of their own", "[gpu]") {
  std::vector<Head> heads = random_heads(2, 8, 8, 3, 2, 4);
  for (Head& head : random_heads(3, 5, 8, 3, 2, 5)) heads.push_back(std::move(head));
  Head& plain = heads[1];  // its logits as a matrix
  Matrix logits(plain.attention.shape);
  for (std::size_t i = 0; i < logits.rows(); ++i)
    for (std::size_t j = 0; j < logits.cols(); ++j)
      for (std::size_t l = 0; l < 2; ++l) logits(i, j) += plain.logits->query(i, l) * plain.logits->key(j, l);
  plain.logits->query = logits;
  plain.logits->key = {};
  const Maps maps(4, 8, 8, 6);
  ErrorList expected, found;
  make_reference()->output_errors(pointers(heads), maps.pairs(), every_form(8, true), expected);
  const auto log = std::make_shared<FakeGpuLog>();

  fake_backend(log)->output_errors(pointers(heads), maps.pairs(), every_form(8, true), found);

  check_errors(found, expected, 8);
  REQUIRE(log->violations.empty());
}

TEST_CASE("a head without logits is tried by what needs none", "[gpu]") {
  std::vector<Head> heads = random_heads(2, 8, 8, 3, 2, 4);
  for (Head& head : heads) head.logits.reset();
  const Maps maps(2, 8, 8, 6);
  const std::vector<Construction> without{
      {Form::linear, 4, 0.5, 0.5}, {Form::softmax, 4, 0, 0.5}, {Form::linear, 0, 0, 0}},
      with{{Form::softmax, 4, 0.5, 0.5}};
  ErrorList expected, found;
  make_reference()->output_errors(pointers(heads), maps.pairs(), without, expected);
  const auto backend = fake_backend(std::make_shared<FakeGpuLog>());

  backend->output_errors(pointers(heads), maps.pairs(), without, found);

  check_errors(found, expected, 8);
  REQUIRE_THROWS_WITH(backend->output_errors(pointers(heads), maps.pairs(), with, found),
                      Catch::Contains("without logits"));
}

TEST_CASE("heads that do not fit together are tried in turn, and alone they give the same", "[gpu]") {
  const std::vector<Head> heads = random_heads(7, 10, 10, 4, 3, 9);
  const Maps maps(3, 10, 10, 6);
  const auto constructions = every_form(10, true);
  ErrorList whole, cut;
  const auto large = std::make_shared<FakeGpuLog>(), small = std::make_shared<FakeGpuLog>();
  small->memory = 22000;

  fake_backend(large)->output_errors(pointers(heads), maps.pairs(), constructions, whole);
  fake_backend(small)->output_errors(pointers(heads), maps.pairs(), constructions, cut);

  REQUIRE(cut.errors == whole.errors);
  REQUIRE(small->peak <= small->memory);
  REQUIRE(small->violations.empty());
  REQUIRE(small->uploaded > large->uploaded);  // R once a block
}

TEST_CASE("a card with no room for one head says how much it needs", "[gpu]") {
  const std::vector<Head> heads = random_heads(1, 10, 10, 4, 3, 9);
  const Maps maps(1, 10, 10, 6);
  const auto log = std::make_shared<FakeGpuLog>();
  log->memory = 3000;
  ErrorList errors;

  REQUIRE_THROWS_WITH(fake_backend(log)->output_errors(pointers(heads), maps.pairs(), every_form(10, true), errors),
                      Catch::Contains("a trial of one head takes") && Catch::Contains("--max-memory-device"));
}

TEST_CASE("an error is the same bits whatever heads and trials are beside it", "[gpu]") {
  const std::vector<Head> heads = random_heads(70, 9, 9, 3, 2, 4);
  const auto all = pointers(heads);
  const Maps maps(Backend::trial_group + 3, 9, 9, 6);
  const auto pairs = maps.pairs();
  const auto constructions = every_form(9, true);
  const auto errors_of = [&](std::size_t first, std::size_t count, std::size_t first_trial) {
    const auto log = std::make_shared<FakeGpuLog>();
    log->counting = true;
    ErrorList errors;
    fake_backend(log)->output_errors(std::span(all).subspan(first, count), std::span(pairs).subspan(first_trial),
                                     constructions, errors);
    REQUIRE(log->violations.empty());
    return errors.errors;
  };
  const auto whole = errors_of(0, heads.size(), 0);
  for (const auto& [first, count] : {std::pair(0, 1), std::pair(7, 1), std::pair(30, 33), std::pair(5, 65)})
    for (const std::size_t first_trial : {std::size_t{0}, Backend::trial_group})
      for (const auto& [place, error] : errors_of(first, count, first_trial)) {
        const auto& [trial, head, construction] = place;
        CAPTURE(first, count, trial, head, construction);
        REQUIRE(error == whole.at({trial + first_trial, head + first, construction}));
      }
}
