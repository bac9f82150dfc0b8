// Sentences from counts and medians.
#include "tools/verify_sentences.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "lib/core/plain_text.hpp"
#include "tools/terminal.hpp"

namespace attnspec {
namespace {

std::string percent(double share) {
  const double value = 100 * share;
  if (value > 0 && value < 1e-4) return "less than 0.0001 %";
  return value >= 9.95 || value == 0 ? fmt::format("{:.0f} %", value) : fmt::format("{:.2g} %", value);
}

/// "fails on 61 of 72 heads, holds on 11": the worst first.
std::string outcome(const ReadingTally& tally) {
  struct Words {
    Verdict verdict;
    const char* verb;
  };
  constexpr std::array order{Words{Verdict::violated, "fails on"},
                             Words{Verdict::undecided, "is undecided on"},
                             Words{Verdict::trivially_true, "is met by answering zero on"},
                             Words{Verdict::vacuous, "claims nothing on"},
                             Words{Verdict::not_applicable, "means nothing on"},
                             Words{Verdict::holds, "holds on"}};
  std::string text;
  for (const Words& words : order) {
    const std::size_t count = tally.of(words.verdict), all = tally.rows.size();
    if (count == 0) continue;
    const std::string heads = count == all ? fmt::format("all {}", counted(all, "head"))
                                           : fmt::format("{} of {}", count, counted(all, "head"));
    text += text.empty() ? fmt::format("{} {}", words.verb, all == 1 ? "the one head" : heads)
                         : fmt::format(", {} {}", words.verb, count);
  }
  return text;
}

/// What a reading tests: the one that decides, and all of them.
struct Items {
  const char* tested;
  const char* all;
};

/// "at most 42 % of projections may fail; on the median head 97 % do for the column tested, 75 % over all columns".
std::string allowed_and_found(const ReadingTally& tally, const Items& items) {
  std::vector<double> rates, bounds, shares;
  bool exact = true;
  for (const VerifyRow* row : tally.rows) {
    if (!row->exact_rate && !row->failure_rate) continue;
    rates.push_back(rate_of(*row));
    bounds.push_back(row->claimed_bound.value_or(1));
    if (row->row_failure_rate) shares.push_back(*row->row_failure_rate);
    exact = exact && row->exact_rate.has_value();
  }
  if (rates.empty()) return "";
  std::string text = fmt::format("at most {} of projections may fail; on the median head {} do for the {}{}",
                                 percent(std::min(1.0, median(bounds))), percent(median(rates)), items.tested,
                                 exact ? " (exact law)" : "");
  if (items.all != nullptr && !shares.empty())
    text += fmt::format(", {} over all {}", percent(median(shares)), items.all);
  return text;
}

std::string why_vacuous(const VerifyRow& row) {
  const double bound = row.claimed_bound.value_or(0);
  return bound < 1 ? "k is not below n" : fmt::format("its bound on the failure rate is {:.2g}", bound);
}

/// "NAME OUTCOME", and the numbers behind it.
std::string judged(const std::string& name, const ReadingTally& tally, const Items& items) {
  const std::string text = name + " " + outcome(tally);
  if (tally.of(Verdict::violated) + tally.of(Verdict::holds) + tally.of(Verdict::undecided) > 0)
    return text + ": " + allowed_and_found(tally, items) + ".";
  if (tally.of(Verdict::vacuous) > 0) return text + ": " + why_vacuous(tally.worst(Verdict::vacuous)) + ".";
  return text + ".";
}

std::vector<std::string> on_lemma1(const std::vector<const VerifyRow*>& rows, const JudgedAt& at) {
  std::vector<std::string> sentences;
  const ReadingTally norm = tally_of(rows, "norm", at), relative = tally_of(rows, "inner-relative", at),
                     product = tally_of(rows, "inner-product", at);
  if (!norm.rows.empty()) sentences.push_back(judged("Lemma 1, eq. (11),", norm, {"vector tested", nullptr}));
  if (!relative.rows.empty())
    sentences.push_back(
        judged("Eq. (12) to within epsilon |x.y|, as (19) and (21) use it,", relative, {"pair tested", "pairs"}));
  if (!product.rows.empty())
    sentences.push_back(judged("Eq. (12) to within epsilon |x| |y|", product, {"pair tested", "pairs"}));
  return sentences;
}

/// The k that an RMS error of epsilon needs, by the exact second moment.
std::string needed_k(const ReadingTally& tally, const JudgedAt& at) {
  std::vector<double> needed;
  for (const VerifyRow* row : tally.rows)
    if (row->rho) needed.push_back((1 + *row->rho * *row->rho) / (at.epsilon * at.epsilon));
  if (needed.empty()) return "";
  const auto [least, most] = std::minmax_element(needed.begin(), needed.end());
  const auto enough =
      std::count_if(needed.begin(), needed.end(), [&](double k) { return k <= static_cast<double>(at.k); });
  return fmt::format(
      "What is true: the RMS relative error of P R'R V is exactly sqrt((1 + rho^2)/k), rho = |P| |V| / |PV|. An RMS "
      "error of {:.3g} needs k = (1 + rho^2)/epsilon^2: median {:.0f}, from {:.0f} to {:.0f} (n = {}); k = {} is "
      "enough "
      "on {} of {}.",
      at.epsilon, std::ceil(median(needed)), std::ceil(*least), std::ceil(*most), tally.rows.front()->n, at.k, enough,
      counted(needed.size(), "head"));
}

std::vector<std::string> on_theorem1(const std::vector<const VerifyRow*>& rows, const JudgedAt& at) {
  std::vector<std::string> sentences;
  const ReadingTally relative = tally_of(rows, "relative", at), rowwise = tally_of(rows, "rowwise", at),
                     quantified = tally_of(rows, "as-quantified", at);
  if (!relative.rows.empty()) {
    sentences.push_back(judged("Theorem 1 as stated (eq. 5)", relative, {"column tested", "columns"}));
    sentences.push_back(needed_k(relative, at));
  }
  if (!rowwise.rows.empty())
    sentences.push_back(judged("Theorem 1 row by row, to within epsilon |p| |w| (what its proof shows),", rowwise,
                               {"column tested", nullptr}));
  if (!quantified.rows.empty())
    sentences.push_back(
        "Theorem 1 as quantified, a matrix of low rank for a given w, is true of any P: rank 1 is enough, and no "
        "attention is in it.");
  return sentences;
}

/// How far the proof's E and F are from P V, where answering zero has 1.
std::string beside_zero(const ReadingTally& tally) {
  std::vector<double> errors;
  bool exact = true;
  for (const VerifyRow* row : tally.rows) {
    const std::optional<double> error = row->rms_predicted ? row->rms_predicted : row->rms_relative_error;
    if (!error) continue;
    exact = exact && row->rms_predicted.has_value();
    errors.push_back(*error);
  }
  if (errors.empty()) return "";
  const auto [least, most] = std::minmax_element(errors.begin(), errors.end());
  return fmt::format(
      "The E and F of its proof have an RMS relative error of {:.3f} on the median head, {:.3f} to {:.3f} on all{}; "
      "answering zero has 1.",
      median(errors), *least, *most, exact ? " (exact)" : "");
}

std::vector<std::string> on_theorem2(const std::vector<const VerifyRow*>& rows, const JudgedAt& at) {
  std::vector<std::string> sentences;
  const ReadingTally row = tally_of(rows, "softmax-row-frobenius", at),
                     exponential = tally_of(rows, "exp-row-frobenius", at);
  for (const ReadingTally* tally : {&row, &exponential}) {
    if (tally->rows.empty()) continue;
    const bool softmax = tally == &row;
    const std::string name =
        softmax ? "Theorem 2 (eq. 8), any one row," : "Its proof's form, exp without softmax (eq. 24),";
    sentences.push_back(judged(name, *tally, {"row tested", "rows"}));
    if (tally->of(Verdict::trivially_true) > 0)
      sentences.back() += softmax ? " To do what zero does says nothing for E and F." : "";
  }
  sentences.push_back(beside_zero(row));
  if (row.of(Verdict::not_applicable) > 0)
    sentences.push_back(
        "Where Theorem 2 means nothing: " + printable(row.worst(Verdict::not_applicable).judgement.reason) + ".");
  return sentences;
}

}  // namespace

std::vector<std::string> sentences_on(const std::string& claim, const std::vector<const VerifyRow*>& rows,
                                      const JudgedAt& at) {
  std::vector<std::string> sentences = claim == "lemma1"     ? on_lemma1(rows, at)
                                       : claim == "theorem1" ? on_theorem1(rows, at)
                                                             : on_theorem2(rows, at);
  std::erase_if(sentences, [](const std::string& sentence) { return sentence.empty(); });
  return sentences;
}

std::string wrapped(const std::string& sentence, std::size_t width) {
  constexpr std::size_t indent = 2;
  std::string text, line, word;
  const auto take_word = [&] {
    if (!line.empty() && line.size() + 1 + word.size() > width) {
      text += line + "\n";
      line = std::string(indent, ' ') + word;
    } else {
      line += (line.empty() ? "" : " ") + word;
    }
    word.clear();
  };
  for (const char c : sentence) {
    if (c == ' ')
      take_word();
    else
      word += c;
  }
  take_word();
  return text + line;
}

}  // namespace attnspec
