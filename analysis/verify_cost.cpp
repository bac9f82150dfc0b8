// Flops, exponentials, random numbers and bytes of a verification.
#include <fmt/format.h>

#include <algorithm>

#include "analysis/head_on_trial.hpp"
#include "analysis/k_sweep.hpp"
#include "analysis/verification.hpp"
#include "lib/core/error.hpp"

namespace attnspec {
namespace {

constexpr std::size_t small_maps = std::size_t{32} << 20;  // bytes that a chunk's maps may take beyond one group

/// The sizes of one head that time and memory depend on.
struct HeadSize {
  double queries = 0, tokens = 0, width = 0, rank = 0, largest_k = 0;
  std::vector<std::size_t> theorem1_ks, theorem2_ks, lemma1_ks;
};

HeadSize size_of(const DumpInfo& info, const VerifyOptions& options, std::size_t sample) {
  const MatrixShape shape = info.shape_of(sample);
  HeadSize size;
  size.queries = static_cast<double>(shape.rows);
  size.tokens = static_cast<double>(shape.cols);
  for (const std::string& kind : column_kinds(info, options.columns))
    size.width += static_cast<double>(kind == "value" ? info.value_width : kind == "gaussian" ? gaussian_columns : 1);
  size.rank = info.has_query_key ? static_cast<double>(info.head_dim) : size.tokens;
  const auto ks = [&](Claim claim) {
    return options.claims.contains(claim)
               ? measured_ks(claim, options.epsilons, shape.cols, head_dimension(info), options.ks)
               : std::vector<std::size_t>();
  };
  size.lemma1_ks = ks(Claim::lemma1);
  size.theorem1_ks = ks(Claim::theorem1);
  size.theorem2_ks = ks(Claim::theorem2);
  for (const auto* list : {&size.lemma1_ks, &size.theorem1_ks, &size.theorem2_ks})
    if (!list->empty()) size.largest_k = std::max(size.largest_k, static_cast<double>(list->back()));
  return size;
}

double last(const std::vector<std::size_t>& ks) { return ks.empty() ? 0 : static_cast<double>(ks.back()); }

void add_head(const HeadSize& size, VerifyCost& cost) {
  const double n = size.tokens, q = size.queries, d = size.width;
  const double vectors = 64;  // of Lemma 1: rows, values, Gaussian ones
  cost.flops += 2 * last(size.lemma1_ks) * n * vectors * 2;
  cost.flops += 2 * size.largest_k * n * d + 2 * last(size.theorem1_ks) * n * d;
  cost.flops += static_cast<double>(size.theorem1_ks.size()) * 2 * q * n * d;
  cost.flops += 2 * last(size.theorem2_ks) * n * size.rank;
  for (const std::size_t k : size.theorem2_ks) {
    cost.flops += 2 * q * static_cast<double>(k) * (size.rank + d);
    cost.exponentials += q * static_cast<double>(k);
  }
}

/// What is done once for a head: its logits, singular vectors, and the fixed constructions.
double flops_of_preparation(const HeadSize& size) {
  constexpr double eigenvectors = 20;  // n^3 of them, at the rate of products
  const double n = size.tokens, q = size.queries;
  const double fixed = 2 * static_cast<double>(size.theorem1_ks.size() + size.theorem2_ks.size());
  return eigenvectors * n * n * n + 2 * q * n * size.rank + fixed * 2 * q * n * size.width;
}

double bytes_of_head(const HeadSize& size) {
  return 8 *
         (3 * size.queries * size.tokens + 4 * size.tokens * (size.width + size.rank) + 3 * size.width * size.width);
}

/// Maps, and what each thread works with: a trial's products, one weight matrix; before that, singular vectors.
double bytes_of_maps(const HeadSize& size, unsigned threads) {
  const double group = static_cast<double>(Backend::trial_group);
  const double products =
      size.width * (3 * size.tokens + size.largest_k) + size.rank * size.largest_k + size.queries * size.largest_k;
  const double vectors = 5 * size.tokens * size.tokens;
  const double maps = std::max(8 * group * size.largest_k * size.tokens, static_cast<double>(small_maps));
  return maps + 8 * threads * std::max(products, vectors);
}

}  // namespace

double VerifyCost::seconds(double flops_per_second, unsigned threads) const {
  constexpr double reached = 0.9, seconds_an_exponential = 2e-9, seconds_a_normal = 3e-9;
  return (flops / (reached * flops_per_second) + exponentials * seconds_an_exponential + normals * seconds_a_normal) /
         threads;
}

std::size_t groups_at_once(std::size_t largest_k, std::size_t tokens, std::size_t heads, unsigned threads) {
  const std::size_t bytes = Backend::trial_group * largest_k * tokens * sizeof(double);
  const std::size_t wanted = 2 * threads / std::max<std::size_t>(1, heads), most = small_maps / (bytes + 1);
  return std::max<std::size_t>(1, std::min(wanted, most));
}

VerifyCost cost_of(const DumpInfo& info, const VerifyOptions& options) {
  VerifyCost cost;
  const auto heads = static_cast<double>(options.selection.layers.size() * options.selection.heads.size());
  const auto available = static_cast<double>(options.batch_bytes);
  cost.heads_together = static_cast<std::size_t>(heads);
  for (const std::size_t sample : options.selection.samples) {
    const HeadSize size = size_of(info, options, sample);
    VerifyCost one;
    add_head(size, one);
    const auto trials = static_cast<double>(options.trials);
    cost.flops += (one.flops * trials + flops_of_preparation(size)) * heads;
    cost.exponentials += one.exponentials * heads * trials;
    const double left = available - bytes_of_maps(size, options.threads), head = bytes_of_head(size);
    if (left < head)
      throw Error(ErrorKind::limit,
                  fmt::format("{}: one head of {} x {} with its projections takes {:.0f} MiB, and "
                              "--max-memory leaves {:.0f} MiB; give more, or a smaller --k",
                              info.file, size.queries, size.tokens,
                              (head + bytes_of_maps(size, options.threads)) / 0x1p20, available / 0x1p20));
    const double together = std::min(heads, left / head);
    cost.heads_together = std::min(cost.heads_together, static_cast<std::size_t>(together));
    cost.normals += trials * size.largest_k * size.tokens * std::max(1.0, heads / together);
  }
  return cost;
}

}  // namespace attnspec
