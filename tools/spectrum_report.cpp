// Lines for people: what Figure 1 shows, in numbers.
#include "tools/spectrum_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "lib/core/plain_text.hpp"

namespace attnspec {
namespace {

constexpr std::size_t bar_width = 20;
constexpr std::size_t most_outliers = 4;

double share_of(const HeadSummary& head, Weight weight) {
  return weight == Weight::sigma ? head.cumulative_at_index.mean : head.energy_at_index.mean;
}

struct LayerLine {
  std::size_t heads = 0;
  double share = 0, least = 1, most = 0, effective_rank = 0;

  void take(double head_share, double rank) {
    ++heads;
    const auto count = static_cast<double>(heads);
    share += (head_share - share) / count;
    effective_rank += (rank - effective_rank) / count;
    least = std::min(least, head_share);
    most = std::max(most, head_share);
  }
};

std::vector<const HeadSummary*> heads_at(const DumpSummary& summary, std::size_t n) {
  std::vector<const HeadSummary*> heads;
  for (const HeadSummary& head : summary.rows)
    if (head.n == n && head.samples > 0) heads.push_back(&head);
  return heads;
}

/// A model's name without line breaks and control characters.
std::string one_line(std::string text) {
  for (char& c : text)
    if (c == '\n' || c == '\t') c = ' ';
  return printable(text);
}

std::string title(const DumpSummary& summary, const std::vector<const HeadSummary*>& heads) {
  const HeadSummary& first = *heads.front();
  std::size_t samples = 0;
  std::map<std::size_t, bool> lengths;
  for (const HeadSummary* head : heads) samples = std::max(samples, head->samples);
  for (const HeadSummary& row : summary.rows) lengths[row.n] = true;
  const std::string rest = fmt::format(
      ", n = {}{}, {}, {} x {}", first.n, lengths.size() > 1 ? fmt::format(" (of {} lengths)", lengths.size()) : "",
      counted(samples, "sample"), counted(summary.layers, "layer"), counted(summary.heads, "head"));
  return shortened(one_line(summary.model), 80 - std::min<std::size_t>(rest.size(), 60)) + rest;
}

/// Heads more than two standard deviations from the mean of all, the furthest first.
std::string outliers(const std::vector<const HeadSummary*>& heads, Weight weight) {
  double mean = 0, squares = 0;
  for (const HeadSummary* head : heads) mean += share_of(*head, weight) / static_cast<double>(heads.size());
  for (const HeadSummary* head : heads) squares += std::pow(share_of(*head, weight) - mean, 2);
  const double sd = std::sqrt(squares / static_cast<double>(std::max<std::size_t>(2, heads.size()) - 1));
  std::vector<const HeadSummary*> far;
  for (const HeadSummary* head : heads)
    if (std::abs(share_of(*head, weight) - mean) > 2 * sd) far.push_back(head);
  const auto distance = [&](const HeadSummary* head) { return std::abs(share_of(*head, weight) - mean); };
  std::stable_sort(far.begin(), far.end(), [&](auto* a, auto* b) { return distance(a) > distance(b); });
  if (far.empty()) return "";
  std::string text = fmt::format("\nHeads that stand out (mean of all {:.3f}; a head of full rank has {:.3f}):\n", mean,
                                 static_cast<double>(heads.front()->index) / static_cast<double>(heads.front()->n));
  for (std::size_t i = 0; i < far.size() && i < most_outliers; ++i)
    text += fmt::format("  layer {:>2} head {:>2}  {:.3f}  effective rank {:.0f}, {:.0f} values hold 90 %\n",
                        far[i]->layer, far[i]->head, share_of(*far[i], weight), far[i]->effective_rank.mean,
                        weight == Weight::sigma ? far[i]->k90_mean : far[i]->energy_k90_mean);
  if (far.size() > most_outliers) text += fmt::format("  and {} more in summary.csv\n", far.size() - most_outliers);
  return text;
}

}  // namespace

std::string spectrum_report(const DumpSummary& summary, Weight weight, const Terminal& terminal) {
  const auto heads = heads_at(summary, commonest_n(summary));
  if (heads.empty()) return fmt::format("{}: no matrix of it came through\n", summary.dump);
  std::map<std::size_t, LayerLine> layers;
  for (const HeadSummary* head : heads) layers[head->layer].take(share_of(*head, weight), head->effective_rank.mean);

  const HeadSummary& first = *heads.front();
  std::string text = terminal.bold(title(summary, heads)) + "\n";
  text += fmt::format("share of the first {} of {} singular values{}: mean over heads, range, effective rank\n",
                      first.index, first.n, weight == Weight::energy ? ", squared" : "");
  for (const auto& [layer, line] : layers)
    text += fmt::format(
        "  layer {:>2}  {:.3f}  {}  {:.3f} .. {:.3f}  {:>5.0f}\n", layer, line.share,
        [&] {
          const std::string bar = terminal.bar(line.share, bar_width);
          const auto columns = static_cast<std::size_t>(
              std::count_if(bar.begin(), bar.end(), [](char c) { return (c & 0xC0) != 0x80; }));
          return bar + std::string(bar_width - std::min(columns, bar_width), ' ');
        }(),
        line.least, line.most, line.effective_rank);
  return text + outliers(heads, weight);
}

}  // namespace attnspec
