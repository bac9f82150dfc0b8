// The one door to the hardware: batches of matrices in, spectra out; heads and projections in, errors out.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "lib/core/construction.hpp"
#include "lib/core/export.hpp"
#include "lib/core/head.hpp"
#include "lib/core/matrix_batch.hpp"
#include "lib/core/spectrum.hpp"

namespace attnspec {

class ATTNSPEC_API Backend {
 public:
  Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;
  virtual ~Backend();

  /// The method's name as --method takes it.
  virtual std::string_view name() const = 0;

  /// What is asked below may be asked from several threads at once.

  /// One spectrum a matrix, in batch order; values fall, min(rows, cols) of them. A matrix with NaN or Inf gets
  /// SvdStatus::not_finite, one whose solver gave up not_converged; its neighbours do not notice.
  /// The same matrix gives the same bits in any batch, at any place, with any number of threads. On a GPU: on the same
  /// card, with the same CUDA libraries, and where its memory holds lib/backend/gpu_fixed_calls; never checked on one.
  virtual std::vector<Spectrum> singular_values(const MatrixBatch& batch) = 0;

  /// The same by the calling thread alone, where the backend leaves that choice: for callers that bring a batch each.
  virtual std::vector<Spectrum> singular_values_alone(const MatrixBatch& batch);

  /// Whether singular_values takes batches of halves too.
  virtual bool takes_halves() const;

  /// Whether singular_values takes batches of queries and keys too, and makes P = softmax(...) of them itself. Its
  /// entries lie within 8 (r + 2) eps (1 + s) of the host's, r being the columns of Q and K and s the largest
  /// scale sum_l |q_l k_l| + |bias|.
  virtual bool takes_queries_and_keys() const;

  /// Processor time that this backend's threads have spent on spectra and trials so far, in seconds, all threads
  /// together; 0 where nobody counts.
  virtual double seconds_computing() const;

  /// Times from now on what crosses the bus to a card, which costs a little of its time; false where there is none.
  virtual bool time_bus();
  /// Seconds since then in which something crossed it.
  virtual double seconds_on_bus();

  /// a b, row-major. Throws Error(internal) where the shapes do not fit.
  virtual Matrix product(const Matrix& a, const Matrix& b) = 0;

  /// The right singular vectors of a finite matrix as rows, by falling singular value: min(rows, cols) x cols.
  /// Throws Error(internal) where the solver gives up.
  virtual Matrix right_singular_vectors(const Matrix& matrix) = 0;

  /// The error of every construction on every head in every trial (a pair of projections), handed to `sink`.
  /// Throws std::invalid_argument for a softmax or exponential construction of k = 0. All heads have the same n_k. What
  /// one (trial, head, construction) gives does not depend on its company: the same bits in any list of trials that
  /// begins at a multiple of `trial_group`, for any heads beside it, any threads; on a GPU with the reservations above.
  virtual void output_errors(std::span<const Head* const> heads, std::span<const ProjectionPair> trials,
                             std::span<const Construction> constructions, ErrorSink& sink) = 0;

  /// Heads that several calls of output_errors will try, in this order: as long as the result lives they do not change,
  /// and the backend may hold what it made of them, which changes no bit. Null where it holds nothing.
  virtual std::shared_ptr<const void> keep(std::span<const Head* const> heads);

  /// Trials are worked on in groups of this many; lists of trials should begin at multiples of it.
  static constexpr std::size_t trial_group = 8;
};

/// Every finite m x n matrix comes out of a method with errors below these (n the larger side, eps = 2^-52).
/// A backward-stable direct method: c n eps sigma_1 (Golub and Van Loan 2013, 8.6).
ATTNSPEC_API double direct_error_bound(MatrixShape shape, double sigma_1);
/// Through the eigenvalues of the Gram matrix: each sigma^2 carries c n eps sigma_1^2, so sigma = 0 may come out as
/// sqrt(c n eps) sigma_1.
ATTNSPEC_API double gram_error_bound(MatrixShape shape, double sigma_1);

/// The same in single precision. Rounding adds up like sqrt(n); the worst that was measured is half the bound, at n
/// = 6.
ATTNSPEC_API double direct32_error_bound(MatrixShape shape, double sigma_1);

/// |sum sigma^2 - |P|_F^2| <= c n eps |P|_F^2: an identity that a right spectrum obeys and most wrong ones do not.
ATTNSPEC_API bool squares_agree(const std::vector<double>& values, double frobenius_squared, MatrixShape shape);
/// The same for a method in single precision.
ATTNSPEC_API bool squares_agree_in_float(const std::vector<double>& values, double frobenius_squared,
                                         MatrixShape shape);

}  // namespace attnspec
