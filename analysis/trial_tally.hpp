// Counts failures: which errors were too large, trial by trial, for every epsilon at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

#include "lib/core/export.hpp"
#include "lib/core/head.hpp"

namespace attnspec {

/// What errors are held against. An item (a column, a row, a cell) fails where its error exceeds its limit; an error
/// that is not a number fails.
struct Criterion {
  enum class Over { columns, rows, cells } over = Over::columns;
  std::vector<std::size_t> items;           ///< indices into that list of OutputError
  std::vector<std::vector<double>> limits;  ///< [epsilon][item]; of columns and rows on the squared norm
  bool one_sided = false;                   ///< cells: only errors above the limit fail, not those below its negative
  std::size_t tested = 0;                   ///< the item, by its place in `items`, whose failures stand for the claim
};

/// Sums over trials of whole numbers, so that their order does not matter.
struct FailureCount {
  std::uint64_t tested = 0;         ///< trials in which the tested item failed
  std::uint64_t any = 0;            ///< trials in which an item failed
  std::uint64_t items = 0;          ///< failing items
  std::uint64_t items_squared = 0;  ///< their number in a trial, squared
};

/// The criteria of one head, and which of them each construction is held against.
struct HeadCriteria {
  std::vector<ColumnRange> groups;  ///< as the head has them; the same number for every head of a tally
  std::vector<Criterion> criteria;
  std::vector<std::vector<std::size_t>> of_construction;  ///< [construction]: indices into criteria
};

/// Sums over trials of |error|_F^2 and of its square.
struct SquareSum {
  double squares = 0, fourth_powers = 0;
};

class ATTNSPEC_API TrialTally final : public ErrorSink {
 public:
  /// `heads` outlives the tally.
  TrialTally(const std::vector<HeadCriteria>& heads, std::size_t constructions, std::size_t epsilons);

  /// Makes room for the trials of the next call of Backend::output_errors.
  void begin_chunk(std::size_t trials);
  void take(std::size_t trial, std::size_t head, std::size_t construction, const OutputError& error) override;
  /// Adds the chunk's squared errors in the order of trials.
  void end_chunk();

  const FailureCount& count(std::size_t head, std::size_t construction, std::size_t criterion,
                            std::size_t epsilon) const;
  /// Over the columns of a group.
  SquareSum squares(std::size_t head, std::size_t construction, std::size_t group) const;
  std::size_t trials() const { return trials_; }

 private:
  std::size_t place(std::size_t head, std::size_t construction) const { return head * constructions_ + construction; }

  const std::vector<HeadCriteria>& heads_;
  std::size_t constructions_, epsilons_, groups_, trials_ = 0, chunk_ = 0;
  std::vector<std::vector<FailureCount>> counts_;  ///< [head, construction][criterion, epsilon]
  std::vector<SquareSum> squares_;                 ///< [head, construction, group]
  std::vector<double> chunk_squares_;              ///< the same for each trial of the chunk
  std::vector<std::mutex> locks_;                  ///< one a head
};

}  // namespace attnspec
