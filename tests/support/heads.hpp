// Heads, maps and a list of errors for tests of constructions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <tuple>
#include <vector>

#include "lib/core/construction.hpp"
#include "lib/core/head.hpp"

namespace attnspec::test {

/// Heads with P = softmax(Q K^T), normal values (or the identity), two column groups where there are two columns.
std::vector<Head> random_heads(std::size_t count, std::size_t queries, std::size_t tokens, std::size_t width,
                               std::size_t rank, std::uint64_t seed, bool identity_values = false);

/// Makes log_sum fit the logits.
void set_log_sums(Head& head);

std::vector<const Head*> pointers(const std::vector<Head>& heads);

/// Every form, with and without its parts, for some k from 1 to `largest_k`; the linear one with k = 0 too where that
/// is asked for.
std::vector<Construction> every_form(std::size_t largest_k, bool with_none = false);

/// Normal matrices, one a trial.
class Maps {
 public:
  Maps(std::size_t trials, std::size_t rows, std::size_t tokens, std::uint64_t seed);
  std::vector<ProjectionPair> pairs() const;

 private:
  std::vector<Matrix> maps_;
};

struct StoredError {
  std::vector<double> columns, rows, cells;

  bool operator==(const StoredError&) const = default;
  double squares() const;
  double largest() const;
};

/// Keeps every error by (trial, head, construction).
class ErrorList final : public ErrorSink {
 public:
  void take(std::size_t trial, std::size_t head, std::size_t construction, const OutputError& error) override;
  std::map<std::tuple<std::size_t, std::size_t, std::size_t>, StoredError> errors;

 private:
  std::mutex mutex_;
};

double largest_difference(std::span<const double> a, std::span<const double> b);

}  // namespace attnspec::test
