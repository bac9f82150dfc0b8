// Projection trials: the errors of all constructions on one head in a group of trials.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "lib/backend/trial_plan.hpp"
#include "lib/core/construction.hpp"
#include "lib/core/head.hpp"

namespace attnspec {

/// Scratch memory of one thread. The association that costs least: F V first, [k, d]; then E^T (F V), [n_k, d], which a
/// rising k only adds to; then P times that. 4 k n d + 2 n^2 d flops a head and trial instead of the 2 n^2 k of P E^T.
class CpuTrialWorker {
 public:
  /// Trials [first, first + Backend::trial_group) of one head, as far as the list goes.
  void run(const TrialPlan& plan, std::span<const Head* const> heads, std::size_t head,
           std::span<const ProjectionPair> trials, std::size_t first, ErrorSink& sink);

 private:
  struct Job;
  void project(const Job& job, std::size_t t);
  void linear(const Job& job, std::size_t t);
  void weighted(const Job& job, std::size_t t);
  void weigh(const Job& job, std::size_t t, const Construction& construction);
  void give(const Job& job, std::size_t t, std::size_t construction);

  std::vector<double> projected_, keys_, mixed_, products_;  // F V; E K; E^T F V; P E^T F V of a trial
  std::vector<double> weights_, outputs_, shifts_, sums_;    // of one weight matrix
  std::vector<double> error_, column_squares_, row_squares_;
};

/// a b by dgemm on the calling thread.
Matrix cpu_product(const Matrix& a, const Matrix& b);

/// Eigenvectors of the Gram matrix by dsyevd.
Matrix cpu_right_singular_vectors(const Matrix& matrix);

}  // namespace attnspec
