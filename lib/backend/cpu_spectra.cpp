// dgesdd, and dsyrk + dsyevd, guarded: finite input, scale, LAPACK's info, and the sum of squares.
#include "lib/backend/cpu_spectra.hpp"

#include <cblas.h>
#include <lapacke.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "lib/backend/backend.hpp"
#include "lib/backend/screening.hpp"
#include "lib/core/error.hpp"
#include "lib/core/norms.hpp"

namespace attnspec {
namespace {

constexpr std::size_t cache_line_doubles = 8;

void check_info(const char* routine, lapack_int info, SvdStatus& status) {
  if (info == LAPACK_WORK_MEMORY_ERROR || info == LAPACK_TRANSPOSE_MEMORY_ERROR)
    throw Error(ErrorKind::limit, std::string(routine) + " found no memory for its workspace; give fewer --threads");
  if (info < 0)
    throw Error(ErrorKind::internal, std::string(routine) + " refuses its argument " + std::to_string(-info));
  if (info > 0) status = SvdStatus::not_converged;
}

/// Common frame: screens, scales, calls `solve(block, n, m, values)` on the copy and holds the result to the identity.
template <class Solve>
Spectrum guarded(const char* method, const MatrixBatch& batch, std::size_t b, CpuWorkspace& workspace,
                 double (*bound)(MatrixShape, double), Solve solve) {
  const MatrixShape shape = batch.shape();
  const std::span<const double> matrix = batch.doubles(b, workspace.wide());
  Spectrum result{batch.id(b), SvdStatus::ok, {}, 0, method};
  const Screening look = screen(matrix);
  if (!look.finite) {
    result.status = SvdStatus::not_finite;
    return result;
  }
  if (shape.elements() == 0) return result;
  const std::size_t copy_doubles =
      (shape.elements() + cache_line_doubles - 1) / cache_line_doubles * cache_line_doubles;
  const std::size_t gram_doubles = shape.smaller_side() * shape.smaller_side();
  double* copy = workspace.block(copy_doubles + gram_doubles);
  const double scale = scale_of(look.largest);
  copy_scaled(matrix, scale, copy);
  const double squares = sum_of_squares({copy, shape.elements()});

  std::vector<double> values(shape.smaller_side());
  solve(copy, copy + copy_doubles, values.data(), result.status);
  if (result.status == SvdStatus::ok && !squares_agree(values, squares, shape))
    result.status = SvdStatus::not_converged;
  if (result.status != SvdStatus::ok) return result;
  for (double& value : values) value *= scale;
  result.error_bound = bound(shape, values.front());
  result.values = std::move(values);
  return result;
}

}  // namespace

void CpuWorkspace::Free::operator()(double* block) const { std::free(block); }

double* CpuWorkspace::block(std::size_t numbers) {
  if (numbers > numbers_) {
    constexpr std::size_t alignment = 64;
    block_.reset();
    block_.reset(
        static_cast<double*>(std::aligned_alloc(alignment, (numbers * sizeof(double) / alignment + 1) * alignment)));
    numbers_ = block_ ? numbers : 0;
    if (!block_)
      throw Error(ErrorKind::limit, "no memory for a workspace of " + std::to_string(numbers * sizeof(double) >> 20) +
                                        " MiB a thread; give fewer --threads");
  }
  return block_.get();
}

Spectrum direct_spectrum(const MatrixBatch& batch, std::size_t b, CpuWorkspace& workspace) {
  // Row-major m x n is column-major n x m: the same singular values, no transposition.
  const auto n = static_cast<lapack_int>(batch.shape().cols), m = static_cast<lapack_int>(batch.shape().rows);
  return guarded("direct", batch, b, workspace, direct_error_bound,
                 [n, m](double* copy, double*, double* values, SvdStatus& status) {
                   const lapack_int info =
                       LAPACKE_dgesdd(LAPACK_COL_MAJOR, 'N', n, m, copy, n, values, nullptr, 1, nullptr, 1);
                   check_info("dgesdd", info, status);
                 });
}

Spectrum gram_spectrum(const MatrixBatch& batch, std::size_t b, CpuWorkspace& workspace) {
  const auto cols = static_cast<int>(batch.shape().cols), rows = static_cast<int>(batch.shape().rows);
  const int n = std::min(rows, cols), inner = std::max(rows, cols);
  const CBLAS_TRANSPOSE form = rows <= cols ? CblasTrans : CblasNoTrans;  // of the column-major cols x rows view
  return guarded("gram-lapack", batch, b, workspace, gram_error_bound,
                 [=](const double* copy, double* gram, double* values, SvdStatus& status) {
                   cblas_dsyrk(CblasColMajor, CblasLower, form, n, inner, 1, copy, cols, 0, gram, n);
                   check_info("dsyevd", LAPACKE_dsyevd(LAPACK_COL_MAJOR, 'N', 'L', n, gram, n, values), status);
                   for (int i = 0; i < n; ++i) values[i] = std::sqrt(std::max(values[i], 0.0));
                   std::reverse(values, values + n);
                 });
}

}  // namespace attnspec
