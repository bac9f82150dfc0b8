// Errors of constructions: every backend against the reference, and against what is known without one.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <random>
#include <stdexcept>
#include <tuple>

#include "lib/backend/registry.hpp"
#include "tests/support/heads.hpp"
#include "tests/support/tolerance.hpp"

using namespace attnspec;
using namespace attnspec::test;

namespace {

std::vector<std::unique_ptr<Backend>> usable_backends(unsigned threads) {
  std::vector<std::unique_ptr<Backend>> backends;
  for (const BackendEntry& entry : list_backends())
    if (entry.usable) backends.push_back(make_backend({entry.device, entry.method, threads}).backend);
  return backends;
}

}  // namespace

TEST_CASE("every backend makes the reference's errors, in every form, shape and company") {
  const auto reference = make_backend({"cpu", "reference", 1}).backend;
  for (const auto& [queries, tokens, width, rank] :
       {std::tuple(1, 1, 1, 1), std::tuple(5, 5, 3, 2), std::tuple(17, 17, 8, 4), std::tuple(33, 9, 4, 3),
        std::tuple(12, 40, 5, 6), std::tuple(64, 64, 33, 16)}) {
    const std::vector<Head> heads = random_heads(3, queries, tokens, width, rank, 11);
    const Maps maps(11, tokens + 2, tokens, 5);
    const auto constructions = every_form(tokens);
    ErrorList expected;
    reference->output_errors(pointers(heads), maps.pairs(), constructions, expected);

    for (const auto& backend : usable_backends(3)) {
      ErrorList found;
      backend->output_errors(pointers(heads), maps.pairs(), constructions, found);

      REQUIRE(found.errors.size() == heads.size() * maps.pairs().size() * constructions.size());
      for (const auto& [place, error] : found.errors) {
        const StoredError& wanted = expected.errors.at(place);
        INFO(backend->name() << ", " << queries << " x " << tokens << ", construction " << std::get<2>(place));
        REQUIRE(largest_difference(error.cells, wanted.cells) <= output_tolerance(tokens, wanted.largest()));
        REQUIRE(largest_difference(error.columns, wanted.columns) <=
                output_tolerance(tokens, wanted.largest()) * (1 + wanted.largest()) * static_cast<double>(queries));
        REQUIRE(largest_difference(error.rows, wanted.rows) <=
                output_tolerance(tokens, wanted.largest()) * (1 + wanted.largest()) * static_cast<double>(width));
      }
    }
  }
}

TEST_CASE("weights over no rows are refused by every backend, whatever stands beside them") {
  const std::vector<Head> heads = random_heads(2, 6, 6, 3, 2, 1);
  const Maps maps(2, 6, 6, 2);
  for (const auto& backend : usable_backends(2))
    for (const Form form : {Form::softmax, Form::exponential})
      for (const double e_factor : {0.0, 0.5}) {
        CAPTURE(backend->name(), form == Form::softmax, e_factor);
        const std::vector<Construction> all{{Form::linear, 0, 0, 0}, {form, 0, e_factor, 0.5}};
        ErrorList errors;

        REQUIRE_THROWS_AS(backend->output_errors(pointers(heads), maps.pairs(), all, errors), std::invalid_argument);
        REQUIRE_THROWS_WITH(backend->output_errors(pointers(heads), maps.pairs(), all, errors),
                            Catch::Contains("construction 1") && Catch::Contains("k = 0"));

        REQUIRE(errors.errors.empty());
      }
}

TEST_CASE("an error is the same bits in any company: threads, heads, trials after it") {
  const std::vector<Head> heads = random_heads(5, 40, 40, 7, 6, 3);
  const Maps maps(19, 40, 40, 8);
  const auto constructions = every_form(40);
  const std::vector<Head> only = random_heads(5, 40, 40, 7, 6, 3);

  for (const BackendEntry& entry : list_backends()) {
    if (!entry.usable) continue;
    CAPTURE(entry.device, entry.method);
    const auto one_thread = make_backend({entry.device, entry.method, 1}).backend;
    const auto many = make_backend({entry.device, entry.method, 8}).backend;
    ErrorList all, in_company, alone;
    one_thread->output_errors(pointers(heads), maps.pairs(), constructions, all);
    many->output_errors(pointers(heads), maps.pairs(), constructions, in_company);
    const Head* third = &only[3];
    const auto pairs = maps.pairs();
    one_thread->output_errors({&third, 1}, {pairs.data(), 10}, constructions, alone);

    for (const auto& [place, error] : in_company.errors) REQUIRE(error == all.errors.at(place));
    for (const auto& [place, error] : alone.errors)
      REQUIRE(error == all.errors.at({std::get<0>(place), 3, std::get<2>(place)}));
  }
}

TEST_CASE("E = F = all right singular vectors leaves no error, and k of them leave Eckart and Young's") {
  const std::vector<Head> heads = random_heads(1, 24, 24, 24, 4, 9, true);  // V = I, so that the error is P~ - P
  const Head* head = heads.data();

  for (const auto& backend : usable_backends(1)) {
    const Matrix vectors = backend->right_singular_vectors(head->attention);
    const ProjectionPair pair{&vectors, &vectors};
    const std::vector<Construction> constructions{{Form::linear, 24, 1, 1}, {Form::linear, 5, 1, 1}};
    ErrorList found;
    backend->output_errors({&head, 1}, {&pair, 1}, constructions, found);

    MatrixBatch batch({24, 24}, {{0, 0, 0}});
    std::copy(head->attention.values.begin(), head->attention.values.end(), batch.matrix(0).begin());
    const auto sigma = make_backend({"cpu", "reference", 1}).backend->singular_values(batch).front().values;
    double tail = 0;
    for (std::size_t i = 5; i < sigma.size(); ++i) tail += sigma[i] * sigma[i];
    REQUIRE(found.errors.at({0, 0, 0}).squares() <= std::pow(output_tolerance(24, 1), 2) * 576);
    REQUIRE(found.errors.at({0, 0, 1}).squares() == Approx(tail).epsilon(1e-10));
  }
}

TEST_CASE("E = 0 gives every query the mean of F V, whatever the logits") {
  const std::vector<Head> heads = random_heads(1, 16, 16, 3, 4, 21);
  Matrix mean(MatrixShape{1, 16}, std::vector<double>(16, 1.0 / 16));
  const ProjectionPair pair{nullptr, &mean};
  const Head* head = heads.data();

  for (const auto& backend : usable_backends(1)) {
    ErrorList found;
    const Construction construction{Form::softmax, 1, 0, 1};
    backend->output_errors({&head, 1}, {&pair, 1}, {&construction, 1}, found);

    const StoredError& error = found.errors.at({0, 0, 0});
    for (std::size_t i = 0; i < 16; ++i)
      for (std::size_t j = 0; j < 3; ++j) {
        double average = 0;
        for (std::size_t t = 0; t < 16; ++t) average += head->columns(t, j) / 16;
        REQUIRE(std::abs(error.cells[i * 3 + j] - (average - head->target(i, j))) <= output_tolerance(16, 4));
      }
  }
}

TEST_CASE("k = 0 answers zero without any matrix") {
  const std::vector<Head> heads = random_heads(1, 9, 9, 3, 4, 2);
  const Head* head = heads.data();
  const ProjectionPair nothing;

  for (const auto& backend : usable_backends(1)) {
    ErrorList found;
    const Construction zero{Form::linear, 0, 0, 0};
    backend->output_errors({&head, 1}, {&nothing, 1}, {&zero, 1}, found);

    for (std::size_t i = 0; i < head->target.values.size(); ++i)
      REQUIRE(found.errors.at({0, 0, 0}).cells[i] == -head->target.values[i]);
  }
}

TEST_CASE("the exponential form survives logits of a thousand") {
  std::vector<Head> heads = random_heads(1, 12, 12, 3, 4, 5);
  for (double& entry : heads.front().logits->query.values) entry *= 1e3;
  set_log_sums(heads.front());
  const Maps maps(1, 12, 12, 1);
  const Head* head = heads.data();

  for (const auto& backend : usable_backends(1)) {
    ErrorList found;
    const std::vector<Construction> constructions{{Form::softmax, 6, 0.4, 0.4}, {Form::exponential, 6, 1e-4, 0.4}};
    backend->output_errors({&head, 1}, maps.pairs(), constructions, found);

    for (const auto& [place, error] : found.errors)
      for (const double cell : error.cells) REQUIRE(std::isfinite(cell));
  }
}
