// The spectra of one dump, gathered by layer, head and n: means, standard deviations, rank measures.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "lib/core/export.hpp"
#include "lib/core/spectrum.hpp"

namespace attnspec {

/// A mean and the standard deviation around it (n - 1 in its denominator; NaN below two samples).
struct MeanAndSd {
  double mean = 0, sd = 0;
};

/// One head at one matrix shape, over its samples. Samples of unlike shape never share a HeadSummary.
/// Vectors run over the index j = 1..n of the singular values, n = min(rows, cols).
struct HeadSummary {
  std::size_t layer = 0, head = 0;
  MatrixShape shape;
  std::size_t n = 0;
  std::size_t samples = 0;  ///< that went into the means
  std::size_t skipped = 0;  ///< that did not: not finite, not converged, refused
  std::size_t index = 0;    ///< where cumulative_at_index reads the curve, 1-based

  std::vector<MeanAndSd> sigma, cumulative, energy;  ///< means of the per-matrix curves, never the curve of a mean
  MeanAndSd cumulative_at_index, energy_at_index;
  MeanAndSd effective_rank;
  double stable_rank_mean = 0, participation_ratio_mean = 0;
  double k90_mean = 0, k95_mean = 0, k99_mean = 0;                       ///< smallest k with C(k) >= 0.9, ...
  double energy_k90_mean = 0, energy_k95_mean = 0, energy_k99_mean = 0;  ///< the same for sigma^2
  double nuclear_norm_mean = 0, spectral_norm_mean = 0;
  double numerical_rank_mean = 0;
  double rank_tolerance = 0;      ///< max(quantisation_floor, error_bound), the largest over samples
  double quantisation_floor = 0;  ///< what storage did to the singular values, estimated; the largest over samples
  double error_bound = 0;         ///< of the method, the largest over samples
};

/// One dump's result: the rows sorted by layer, head, n.
struct DumpSummary {
  std::string dump;   ///< the file as the user named it
  std::string model;  ///< model_id of the dump
  std::size_t layers = 0, heads = 0;
  std::vector<HeadSummary> rows;
};

/// The n that most matrices of the dump have (the larger one of a tie): what pictures and the terminal show.
ATTNSPEC_API std::size_t commonest_n(const DumpSummary& summary);

/// Takes spectra one at a time, in any order of heads but samples in order, and keeps only sums.
class ATTNSPEC_API SpectrumGatherer {
 public:
  /// `index` 0: default_index(n).
  explicit SpectrumGatherer(std::size_t index = 0) : index_(index) {}

  /// `storage_error`: Frobenius norm of what storage rounded, 0 where unknown.
  void add(const Spectrum& spectrum, MatrixShape shape, double storage_error);

  std::vector<HeadSummary> rows() const;

  /// What one more shape costs in bytes a head, so that a caller can refuse a dump of a thousand lengths.
  static std::size_t bytes_per_head(std::size_t n) { return n * 6 * sizeof(double); }

 private:
  using Key = std::tuple<std::size_t, std::size_t, MatrixShape>;
  std::size_t index_;
  std::map<Key, HeadSummary> heads_;  // until rows(): sd holds the sum of squared deviations, *_mean the sum
};

}  // namespace attnspec
