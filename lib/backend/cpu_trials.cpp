// The products of a trial, and the norms of what they miss.
#include "lib/backend/cpu_trials.hpp"

#include <cblas.h>
#include <lapacke.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <string>

#include "lib/backend/backend.hpp"
#include "lib/backend/cpu_narrow_product.hpp"
#include "lib/core/error.hpp"
#include "lib/core/exponential.hpp"

namespace attnspec {
namespace {

constexpr std::size_t group = Backend::trial_group;

struct View {
  const double* data;
  std::size_t stride;
};

/// c [m, n] = alpha op(a) b + beta c, row-major.
void multiply(CBLAS_TRANSPOSE form, std::size_t m, std::size_t n, std::size_t inner, double alpha, View a, View b,
              double beta, double* c, std::size_t c_stride, CBLAS_TRANSPOSE b_form = CblasNoTrans) {
  const auto whole = [](std::size_t number) { return static_cast<int>(number); };
  cblas_dgemm(CblasRowMajor, form, b_form, whole(m), whole(n), whole(inner), alpha, a.data, whole(a.stride), b.data,
              whole(b.stride), beta, c, whole(c_stride));
}

const double* values_of(const Matrix* matrix) { return matrix->values.data(); }

/// Grows and never shrinks; old contents are of no interest.
double* room(std::vector<double>& block, std::size_t numbers) {
  if (block.size() < numbers) block.resize(numbers);
  return block.data();
}

constexpr std::size_t lanes = 8;  // so that the compiler uses vectors

double largest_of(const double* row, std::size_t count) {
  std::array<double, lanes> largest;
  largest.fill(row[0]);
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes)
    for (std::size_t lane = 0; lane < lanes; ++lane)
      largest[lane] = row[i + lane] > largest[lane] ? row[i + lane] : largest[lane];
  for (; i < count; ++i) largest[0] = std::max(largest[0], row[i]);
  return *std::max_element(largest.begin(), largest.end());
}

double sum_of(const double* row, std::size_t count) {
  std::array<double, lanes> sums{};
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes)
    for (std::size_t lane = 0; lane < lanes; ++lane) sums[lane] += row[i + lane];
  for (; i < count; ++i) sums[0] += row[i];
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

}  // namespace

struct CpuTrialWorker::Job {
  const TrialPlan& plan;
  const Head& head;
  std::size_t head_index;
  std::span<const ProjectionPair> trials;
  std::size_t first, count;  ///< the group's trials; fewer than a group at the end of the list
  ErrorSink& sink;

  std::size_t queries() const { return head.attention.rows(); }
  std::size_t tokens() const { return head.columns.rows(); }
  std::size_t width() const { return head.columns.cols(); }
  const ProjectionPair& pair(std::size_t t) const { return trials[first + t]; }
};

void CpuTrialWorker::run(const TrialPlan& plan, std::span<const Head* const> heads, std::size_t head,
                         std::span<const ProjectionPair> trials, std::size_t first, ErrorSink& sink) {
  const Job job{plan, *heads[head], head, trials, first, std::min(group, trials.size() - first), sink};
  for (std::size_t t = 0; t < job.count; ++t) {
    project(job, t);
    if (!plan.linear.empty()) linear(job, t);
    if (!plan.weighted.empty()) weighted(job, t);
  }
}

/// F V, and E K where softmax constructions ask for it.
void CpuTrialWorker::project(const Job& job, std::size_t t) {
  const std::size_t rows = job.plan.projected_rows, d = job.width(), n = job.tokens();
  room(projected_, rows * d);
  if (rows > 0)
    narrow_product({rows, d, n, values_of(job.pair(t).f), n, false, values_of(&job.head.columns), projected_.data()});
  if (job.plan.key_rows == 0 || !job.head.logits || job.head.logits->key.empty()) return;
  const Matrix& key = job.head.logits->key;
  room(keys_, job.plan.key_rows * key.cols());
  narrow_product({job.plan.key_rows, key.cols(), n, values_of(job.pair(t).e), n, false, values_of(&key), keys_.data()});
}

void CpuTrialWorker::linear(const Job& job, std::size_t t) {
  const std::size_t d = job.width(), n = job.tokens(), queries = job.queries();
  room(mixed_, n * d);
  room(products_, queries * d);
  room(error_, queries * d);
  std::fill_n(mixed_.begin(), n * d, 0.0);
  std::size_t done = 0;
  bool current = false;
  for (const std::size_t c : job.plan.linear) {
    const Construction& construction = job.plan.constructions[c];
    const double factor = construction.e_factor * construction.f_factor;
    if (construction.k > done && factor != 0) {
      narrow_product({n, d, construction.k - done, values_of(job.pair(t).e) + done * n, n, true,
                      projected_.data() + done * d, mixed_.data(), true});
      done = construction.k;
      current = false;
    }
    if (!current && factor != 0)
      narrow_product({queries, d, n, values_of(&job.head.attention), n, false, mixed_.data(), products_.data()});
    current = current || factor != 0;
    const double* target = job.head.target.values.data();
    for (std::size_t i = 0; i < queries * d; ++i) error_[i] = (factor == 0 ? 0 : factor * products_[i]) - target[i];
    give(job, t, c);
  }
}

/// One pass over weights exp(A E^T - shift), which the softmax and the exponential form share.
void CpuTrialWorker::weigh(const Job& job, std::size_t t, const Construction& construction) {
  const std::size_t k = construction.k, d = job.width(), queries = job.queries();
  const double* projected = projected_.data();
  room(outputs_, queries * d);
  room(shifts_, queries);
  room(sums_, queries);
  if (construction.e_factor == 0) {  // all weights are one
    std::fill_n(outputs_.begin(), d, 0.0);
    for (std::size_t r = 0; r < k; ++r)
      for (std::size_t j = 0; j < d; ++j) outputs_[j] += projected[r * d + j];
    for (std::size_t i = 1; i < queries; ++i)
      std::copy_n(outputs_.begin(), d, outputs_.begin() + static_cast<std::ptrdiff_t>(i * d));
    std::fill_n(shifts_.begin(), queries, 0.0);
    std::fill_n(sums_.begin(), queries, static_cast<double>(k));
    return;
  }
  const Logits& logits = job.head.logits.value();
  room(weights_, queries * k);
  const std::size_t inner = logits.query.cols();
  const View projection = logits.key.empty() ? View{job.pair(t).e->values.data(), inner} : View{keys_.data(), inner};
  multiply(CblasNoTrans, queries, k, inner, construction.e_factor, {logits.query.values.data(), inner}, projection, 0,
           weights_.data(), k, CblasTrans);
  for (std::size_t i = 0; i < queries; ++i) {
    double* row = weights_.data() + i * k;
    shifts_[i] = largest_of(row, k);
    for (std::size_t r = 0; r < k; ++r) row[r] -= shifts_[i];
  }
  exponentials({weights_.data(), queries * k});
  for (std::size_t i = 0; i < queries; ++i) sums_[i] = sum_of(weights_.data() + i * k, k);
  narrow_product({queries, d, k, weights_.data(), k, false, projected, outputs_.data()});
}

void CpuTrialWorker::weighted(const Job& job, std::size_t t) {
  const std::size_t d = job.width();
  room(error_, job.queries() * d);
  const Construction* weighed = nullptr;
  for (const std::size_t c : job.plan.weighted) {
    const Construction& construction = job.plan.constructions[c];
    if (weighed == nullptr || weighed->k != construction.k || weighed->e_factor != construction.e_factor)
      weigh(job, t, construction);
    weighed = &construction;
    for (std::size_t i = 0; i < job.queries(); ++i) {
      const double scale = construction.form == Form::softmax
                               ? construction.f_factor / sums_[i]
                               : construction.f_factor * std::exp(shifts_[i] - job.head.logits.value().log_sum[i]);
      const double* target = job.head.target.values.data() + i * d;
      for (std::size_t j = 0; j < d; ++j) error_[i * d + j] = scale * outputs_[i * d + j] - target[j];
    }
    give(job, t, c);
  }
}

/// The norms of error_ go to the sink.
void CpuTrialWorker::give(const Job& job, std::size_t t, std::size_t construction) {
  const std::size_t d = job.width(), queries = job.queries();
  const std::vector<ColumnRange>& groups = job.head.groups;
  room(column_squares_, d);
  room(row_squares_, groups.size() * queries);
  std::fill_n(column_squares_.begin(), d, 0.0);
  for (std::size_t i = 0; i < queries; ++i) {
    const double* error = error_.data() + i * d;
    for (std::size_t j = 0; j < d; ++j) column_squares_[j] += error[j] * error[j];
    for (std::size_t g = 0; g < groups.size(); ++g) {
      double sum = 0;
      for (std::size_t j = groups[g].first; j < groups[g].last; ++j) sum += error[j] * error[j];
      row_squares_[g * queries + i] = sum;
    }
  }
  job.sink.take(
      job.first + t, job.head_index, construction,
      {{column_squares_.data(), d}, {row_squares_.data(), groups.size() * queries}, {error_.data(), queries * d}});
}

Matrix cpu_product(const Matrix& a, const Matrix& b) {
  if (a.cols() != b.rows()) throw Error(ErrorKind::internal, "product: the shapes do not fit");
  Matrix result(MatrixShape{a.rows(), b.cols()});
  if (a.empty() || b.empty()) return result;
  multiply(CblasNoTrans, a.rows(), b.cols(), a.cols(), 1, {a.values.data(), a.cols()}, {b.values.data(), b.cols()}, 0,
           result.values.data(), b.cols());
  return result;
}

Matrix cpu_right_singular_vectors(const Matrix& matrix) {
  const std::size_t cols = matrix.cols(), wanted = matrix.shape.smaller_side();
  const auto n = static_cast<lapack_int>(cols);
  std::vector<double> gram(cols * cols), values(cols);
  // The row-major matrix is its transpose to column-major LAPACK: P^T P is A A^T there.
  cblas_dsyrk(CblasColMajor, CblasLower, CblasNoTrans, n, static_cast<int>(matrix.rows()), 1, matrix.values.data(), n,
              0, gram.data(), n);
  const lapack_int info = LAPACKE_dsyevd(LAPACK_COL_MAJOR, 'V', 'L', n, gram.data(), n, values.data());
  if (info != 0)
    throw Error(ErrorKind::internal, "dsyevd gives no vectors of the Gram matrix (info " + std::to_string(info) + ")");
  Matrix vectors(MatrixShape{wanted, cols});
  for (std::size_t i = 0; i < wanted; ++i)  // eigenvalues rise; a column there is a row here
    std::copy_n(gram.begin() + static_cast<std::ptrdiff_t>((cols - 1 - i) * cols), cols, vectors.row(i).begin());
  return vectors;
}

}  // namespace attnspec
