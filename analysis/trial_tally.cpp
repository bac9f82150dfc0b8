// Counting under a lock a head; sums of doubles wait for the end of a chunk, so that their order is always the same.
#include "analysis/trial_tally.hpp"

#include <algorithm>
#include <cmath>

namespace attnspec {
namespace {

/// Written so that an error that is no number fails.
bool fails(double value, double limit) { return !(value <= limit); }

FailureCount count_in(const Criterion& criterion, const std::vector<double>& limits, const OutputError& error) {
  FailureCount count;
  const auto add = [&](std::size_t item, bool failed) {
    count.items += failed;
    if (item == criterion.tested) count.tested = failed;
  };
  const std::span<const double> values = criterion.over == Criterion::Over::columns ? error.columns
                                         : criterion.over == Criterion::Over::rows  ? error.rows
                                                                                    : error.cells;
  for (std::size_t item = 0; item < criterion.items.size(); ++item) {
    const double value = values[criterion.items[item]];
    const bool magnitude = criterion.over == Criterion::Over::cells && !criterion.one_sided;
    add(item, fails(magnitude ? std::abs(value) : value, limits[item]));
  }
  count.any = count.items > 0;
  count.items_squared = count.items * count.items;
  return count;
}

}  // namespace

TrialTally::TrialTally(const std::vector<HeadCriteria>& heads, std::size_t constructions, std::size_t epsilons)
    : heads_(heads),
      constructions_(constructions),
      epsilons_(epsilons),
      groups_(heads.empty() ? 0 : heads.front().groups.size()),
      counts_(heads.size() * constructions),
      squares_(heads.size() * constructions * groups_),
      locks_(heads.size()) {
  for (std::size_t h = 0; h < heads.size(); ++h)
    for (std::size_t c = 0; c < constructions; ++c) counts_[place(h, c)].resize(heads[h].criteria.size() * epsilons);
}

void TrialTally::begin_chunk(std::size_t trials) {
  chunk_ = trials;
  chunk_squares_.assign(trials * squares_.size(), 0.0);
}

void TrialTally::end_chunk() {
  for (std::size_t trial = 0; trial < chunk_; ++trial)
    for (std::size_t i = 0; i < squares_.size(); ++i) {
      const double square = chunk_squares_[trial * squares_.size() + i];
      squares_[i].squares += square;
      squares_[i].fourth_powers += square * square;
    }
  trials_ += chunk_;
  chunk_ = 0;
}

const FailureCount& TrialTally::count(std::size_t head, std::size_t construction, std::size_t criterion,
                                      std::size_t epsilon) const {
  return counts_[place(head, construction)][criterion * epsilons_ + epsilon];
}

SquareSum TrialTally::squares(std::size_t head, std::size_t construction, std::size_t group) const {
  return squares_[place(head, construction) * groups_ + group];
}

void TrialTally::take(std::size_t trial, std::size_t head, std::size_t construction, const OutputError& error) {
  std::vector<FailureCount>& counts = counts_[place(head, construction)];
  const HeadCriteria& criteria = heads_[head];
  std::vector<FailureCount> found;
  for (const std::size_t c : criteria.of_construction[construction])
    for (std::size_t e = 0; e < epsilons_; ++e)
      found.push_back(count_in(criteria.criteria[c], criteria.criteria[c].limits[e], error));
  for (std::size_t g = 0; g < groups_; ++g) {
    double sum = 0;
    for (std::size_t j = criteria.groups[g].first; j < criteria.groups[g].last; ++j) sum += error.columns[j];
    chunk_squares_[trial * squares_.size() + place(head, construction) * groups_ + g] = sum;
  }
  const std::lock_guard lock(locks_[head]);
  std::size_t at = 0;
  for (const std::size_t c : criteria.of_construction[construction])
    for (std::size_t e = 0; e < epsilons_; ++e) {
      FailureCount& sum = counts[c * epsilons_ + e];
      const FailureCount& one = found[at++];
      sum.tested += one.tested;
      sum.any += one.any;
      sum.items += one.items;
      sum.items_squared += one.items_squared;
    }
}

}  // namespace attnspec
