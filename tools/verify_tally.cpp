// Chooses epsilon and k, and counts verdicts.
#include "tools/verify_tally.hpp"

#include <algorithm>
#include <set>
#include <tuple>

namespace attnspec {
namespace {

std::size_t commonest_n(const std::vector<const VerifyRow*>& rows) {
  std::map<std::size_t, std::size_t> count;
  for (const VerifyRow* row : rows) ++count[row->n];
  std::size_t n = 0;
  for (const auto& [length, times] : count)
    if (n == 0 || times >= count[n]) n = length;
  return n;
}

/// V's columns where the reading has any, else what its first row has.
void keep_one_kind_of_columns(std::vector<const VerifyRow*>& rows) {
  std::map<std::string, std::string> columns;
  for (const VerifyRow* row : rows) {
    std::string& kind = columns.try_emplace(row->reading, row->columns).first->second;
    if (row->columns == "value") kind = "value";
  }
  std::erase_if(rows, [&](const VerifyRow* row) { return row->columns != columns[row->reading]; });
}

}  // namespace

std::vector<const VerifyRow*> rows_of_claim(const DumpVerification& dump, const std::string& claim) {
  std::vector<const VerifyRow*> rows;
  for (const VerifyRow& row : dump.rows)
    if (row.claim == claim && (row.construction == "paper" || row.construction == "rank-one")) rows.push_back(&row);
  const std::size_t n = commonest_n(rows);
  std::erase_if(rows, [n](const VerifyRow* row) { return row->n != n; });
  keep_one_kind_of_columns(rows);
  return rows;
}

std::optional<JudgedAt> judged_at(const std::vector<const VerifyRow*>& claim) {
  const VerifyRow* best = nullptr;
  const auto standing = [](const VerifyRow& row) {
    const bool own = row.k_source == (row.claim == "theorem2" ? "theorem2-proof-tokens" : "theorem1");
    const bool below = *row.k < row.n;
    // Theorem 2's epsilon is the largest even where its k is not below n: then no epsilon has one that is.
    return std::tuple(own && below, *row.epsilon, below, *row.k);
  };
  for (const VerifyRow* row : claim) {
    if (!row->epsilon || !row->k || row->trials == 0) continue;
    if (best == nullptr || standing(*row) > standing(*best)) best = row;
  }
  if (best == nullptr) return std::nullopt;
  return JudgedAt{*best->epsilon, *best->k, best->k_source};
}

std::size_t ReadingTally::of(Verdict verdict) const {
  const auto found = count.find(verdict);
  return found == count.end() ? 0 : found->second;
}

Verdict ReadingTally::verdict() const {
  if (of(Verdict::violated) > 0) return Verdict::violated;
  // Of two as frequent the one that says more: verdicts stand in the order of what they leave open.
  const auto fewer = [](const auto& a, const auto& b) { return a.second < b.second; };
  return std::max_element(count.rbegin(), count.rend(), fewer)->first;
}

const VerifyRow& ReadingTally::worst(Verdict verdict) const {
  const VerifyRow* worst = nullptr;
  for (const VerifyRow* row : rows)
    if (row->judgement.verdict == verdict && (worst == nullptr || rate_of(*row) > rate_of(*worst))) worst = row;
  return *worst;
}

ReadingTally tally_of(const std::vector<const VerifyRow*>& claim, const std::string& reading, const JudgedAt& at) {
  ReadingTally tally;
  std::set<MatrixId> seen;
  for (const VerifyRow* row : claim) {
    if (row->reading != reading) continue;
    if (row->epsilon && (row->epsilon != at.epsilon || row->k != at.k || row->k_source != at.source)) continue;
    if (!seen.insert(row->id).second) continue;
    tally.rows.push_back(row);
    ++tally.count[row->judgement.verdict];
  }
  return tally;
}

std::vector<std::string> readings_of(const std::vector<const VerifyRow*>& claim) {
  std::vector<std::string> readings;
  for (const VerifyRow* row : claim)
    if (std::find(readings.begin(), readings.end(), row->reading) == readings.end()) readings.push_back(row->reading);
  return readings;
}

double rate_of(const VerifyRow& row) { return row.exact_rate.value_or(row.failure_rate.value_or(0)); }

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>((values.size() - 1) / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace attnspec
