// The table of verdicts.
#include "tools/verify_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "lib/core/plain_text.hpp"
#include "tools/verify_sentences.hpp"
#include "tools/verify_tally.hpp"

namespace attnspec {
namespace {

/// A model's name without line breaks and control characters.
std::string one_line(std::string text) {
  for (char& c : text)
    if (c == '\n' || c == '\t') c = ' ';
  return printable(text);
}

std::string title(const DumpVerification& dump) {
  std::set<std::size_t> lengths, layers, heads, samples;
  for (const VerifyRow& row : dump.rows) {
    lengths.insert(row.n);
    layers.insert(row.id.layer);
    heads.insert(row.id.head);
    samples.insert(row.id.sample);
  }
  const std::string length =
      lengths.size() == 1 ? fmt::format("n = {}", *lengths.begin()) : fmt::format("{} lengths", lengths.size());
  const std::string rest =
      fmt::format(", {}, {}, {} x {}, {}", length, counted(samples.size(), "sample"), counted(layers.size(), "layer"),
                  counted(heads.size(), "head"), counted(dump.trials, "trial"));
  const std::string name = one_line(dump.model.empty() ? dump.dump : dump.model);
  return shortened(name, 80 - std::min<std::size_t>(rest.size(), 60)) + rest;
}

std::string name_of_claim(const std::string& claim) {
  if (claim == "lemma1") return "Lemma 1";
  return claim == "theorem1" ? "Theorem 1" : "Theorem 2";
}

std::string words_for(const JudgedAt& at) {
  if (at.source == "theorem1") return "Theorem 1's own k";
  if (at.source == "theorem2-statement") return "its own k";
  if (at.source == "theorem2-proof-tokens") return "its proof's k, eq. (24)";
  if (at.source == "theorem2-proof-rank") return "its proof's k, eq. (25)";
  return "the largest k tried";
}

/// Five characters at most.
std::string brief(double rate) {
  return rate > 0 && rate < 1e-2 ? fmt::format("{:.0e}", rate) : fmt::format("{:.2g}", rate);
}

/// The number that decided, as short as the line wants it.
std::string decided_by(const VerifyRow& row) {
  const double bound = row.claimed_bound.value_or(0);
  switch (row.judgement.verdict) {
    case Verdict::not_applicable: return "";
    case Verdict::vacuous: return bound < 1 ? "k >= n" : "bound " + brief(bound);
    case Verdict::violated: return brief(rate_of(row)) + " > " + brief(bound);
    case Verdict::trivially_true:
      return row.zero_failure_rate ? "zero: " + brief(*row.zero_failure_rate) : "rank 1 does";
    case Verdict::holds: {
      const bool by_bound = !row.exact_rate && row.exact_upper;
      return brief(by_bound ? *row.exact_upper : rate_of(row)) + " <= " + brief(bound);
    }
    case Verdict::undecided: return row.interval ? brief(row.interval->low) + ".." + brief(row.interval->high) : "";
  }
  return "";
}

std::string line(const std::string& reading, const ReadingTally& tally, const Terminal& terminal) {
  const Verdict verdict = tally.verdict();
  const VerifyRow& worst = tally.worst(verdict);
  const bool many_samples = std::any_of(tally.rows.begin(), tally.rows.end(), [&](const VerifyRow* row) {
    return row->id.sample != tally.rows.front()->id.sample;
  });
  const std::string head = many_samples
                               ? fmt::format("s {}, l {}, h {}", worst.id.sample, worst.id.layer, worst.id.head)
                               : fmt::format("layer {} head {}", worst.id.layer, worst.id.head);
  const std::string word = fmt::format("{:<14}", name_of(verdict));
  return fmt::format("  {:<21} {} {:>9} {:<16}{}\n", reading, verdict == Verdict::violated ? terminal.bold(word) : word,
                     fmt::format("{}/{}", tally.of(verdict), tally.rows.size()), head, decided_by(worst));
}

}  // namespace

std::string verify_report(const DumpVerification& dump, const Terminal& terminal) {
  if (dump.rows.empty()) return fmt::format("{}: no matrix of it came through\n", one_line(dump.dump));
  std::string text = terminal.bold(title(dump)) + "\n";
  for (const std::string claim : {"lemma1", "theorem1", "theorem2"}) {
    const std::vector<const VerifyRow*> rows = rows_of_claim(dump, claim);
    if (rows.empty()) continue;
    const std::optional<JudgedAt> at = judged_at(rows);
    text += "\n" + terminal.bold(name_of_claim(claim));
    if (at) text += fmt::format(" at epsilon = {:.3g}, k = {} ({})", at->epsilon, at->k, words_for(*at));
    text += "\n" + terminal.dim("  reading               verdict            heads worst head      decided by") + "\n";
    for (const std::string& reading : readings_of(rows)) {
      const ReadingTally tally = tally_of(rows, reading, at.value_or(JudgedAt{}));
      if (!tally.rows.empty()) text += line(reading, tally, terminal);
    }
    for (const std::string& sentence : sentences_on(claim, rows, at.value_or(JudgedAt{})))
      text += wrapped(sentence, 80) + "\n";
  }
  return text;
}

}  // namespace attnspec
