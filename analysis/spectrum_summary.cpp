// Running means and standard deviations by layer, head and shape (Welford 1962).
#include "analysis/spectrum_summary.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "analysis/spectrum_measures.hpp"

namespace attnspec {
namespace {

void fold(MeanAndSd& running, double value, double count) {
  const double before = value - running.mean;
  running.mean += before / count;
  running.sd += before * (value - running.mean);
}

void fold(std::vector<MeanAndSd>& running, const std::vector<double>& values, double count) {
  for (std::size_t j = 0; j < values.size(); ++j) fold(running[j], values[j], count);
}

void fold_mean(double& mean, double value, double count) { mean += (value - mean) / count; }

/// From the sum of squared deviations to the standard deviation.
void finish(MeanAndSd& running, std::size_t samples) {
  const double none = std::numeric_limits<double>::quiet_NaN();
  running.sd = samples < 2 ? none : std::sqrt(running.sd / static_cast<double>(samples - 1));
}

HeadSummary empty_summary(const MatrixId& id, MatrixShape shape, std::size_t index) {
  HeadSummary head;
  head.layer = id.layer;
  head.head = id.head;
  head.shape = shape;
  head.n = shape.smaller_side();
  head.index = std::clamp<std::size_t>(index == 0 ? default_index(head.n) : index, 1, head.n);
  head.sigma.resize(head.n);
  head.cumulative.resize(head.n);
  head.energy.resize(head.n);
  return head;
}

}  // namespace

void SpectrumGatherer::add(const Spectrum& spectrum, MatrixShape shape, double storage_error) {
  const Key key{spectrum.id.layer, spectrum.id.head, shape};
  HeadSummary& head = heads_.try_emplace(key, empty_summary(spectrum.id, shape, index_)).first->second;
  if (spectrum.status != SvdStatus::ok) {
    ++head.skipped;
    return;
  }
  const auto count = static_cast<double>(++head.samples);
  const std::vector<double>& sigma = spectrum.values;
  const std::vector<double> cumulative = cumulative_share(sigma);
  const std::vector<double> energy = cumulative_energy(sigma);
  fold(head.sigma, sigma, count);
  fold(head.cumulative, cumulative, count);
  fold(head.energy, energy, count);
  fold(head.effective_rank, effective_rank(sigma), count);
  fold_mean(head.stable_rank_mean, stable_rank(sigma), count);
  fold_mean(head.participation_ratio_mean, participation_ratio(sigma), count);
  const auto reached = [&](double& mean, const std::vector<double>& curve, double share) {
    fold_mean(mean, static_cast<double>(index_reaching(curve, share)), count);
  };
  reached(head.k90_mean, cumulative, 0.90);
  reached(head.k95_mean, cumulative, 0.95);
  reached(head.k99_mean, cumulative, 0.99);
  reached(head.energy_k90_mean, energy, 0.90);
  reached(head.energy_k95_mean, energy, 0.95);
  reached(head.energy_k99_mean, energy, 0.99);
  fold_mean(head.nuclear_norm_mean, nuclear_norm(sigma), count);
  fold_mean(head.spectral_norm_mean, sigma.front(), count);
  const double tolerance = std::max(spectrum.error_bound, storage_error);
  fold_mean(head.numerical_rank_mean, static_cast<double>(numerical_rank(sigma, tolerance)), count);
  head.rank_tolerance = std::max(head.rank_tolerance, tolerance);
  head.quantisation_floor = std::max(head.quantisation_floor, storage_error);
  head.error_bound = std::max(head.error_bound, spectrum.error_bound);
}

std::vector<HeadSummary> SpectrumGatherer::rows() const {
  std::vector<HeadSummary> rows;
  rows.reserve(heads_.size());
  for (const auto& [key, running] : heads_) {
    HeadSummary head = running;
    for (auto* curve : {&head.sigma, &head.cumulative, &head.energy})
      for (MeanAndSd& point : *curve) finish(point, head.samples);
    finish(head.effective_rank, head.samples);
    head.cumulative_at_index = head.cumulative[head.index - 1];
    head.energy_at_index = head.energy[head.index - 1];
    rows.push_back(std::move(head));
  }
  return rows;
}

std::size_t commonest_n(const DumpSummary& summary) {
  std::map<std::size_t, std::size_t> matrices;
  for (const HeadSummary& head : summary.rows) matrices[head.n] += head.samples;
  std::size_t best = 0, most = 0;
  for (const auto& [n, count] : matrices)
    if (count >= most) {
      best = n;
      most = count;
    }
  return best;
}

}  // namespace attnspec
