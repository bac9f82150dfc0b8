// Eigen, in the plainest words: spectra by one-sided Jacobi (divide and conquer where that would take minutes), errors
// of constructions as the formulas stand.
#include "lib/backend/reference_backend.hpp"

#include <Eigen/SVD>

#include <algorithm>
#include <vector>

#include "lib/backend/trial_plan.hpp"
#include "lib/core/error.hpp"

namespace attnspec {
namespace {

class ReferenceBackend final : public Backend {
 public:
  std::string_view name() const override { return "reference"; }

  std::vector<Spectrum> singular_values(const MatrixBatch& batch) override {
    std::vector<Spectrum> spectra;
    for (std::size_t b = 0; b < batch.size(); ++b) spectra.push_back(spectrum(batch, b));
    return spectra;
  }

  Matrix product(const Matrix& a, const Matrix& b) override {
    if (a.cols() != b.rows()) throw Error(ErrorKind::internal, "product: the shapes do not fit");
    Matrix result(MatrixShape{a.rows(), b.cols()});
    Eigen::Map<RowMajor>(result.values.data(), rows_of(result), cols_of(result)) = view(a) * view(b);
    return result;
  }

  Matrix right_singular_vectors(const Matrix& matrix) override {
    const Eigen::JacobiSVD<Eigen::MatrixXd> svd(view(matrix), Eigen::ComputeThinV);
    Matrix vectors(MatrixShape{matrix.shape.smaller_side(), matrix.cols()});
    Eigen::Map<RowMajor>(vectors.values.data(), rows_of(vectors), cols_of(vectors)) = svd.matrixV().transpose();
    return vectors;
  }

  void output_errors(std::span<const Head* const> heads, std::span<const ProjectionPair> trials,
                     std::span<const Construction> constructions, ErrorSink& sink) override {
    const TrialPlan plan(constructions);  // refuses what no backend answers
    for (std::size_t t = 0; t < trials.size(); ++t)
      for (std::size_t h = 0; h < heads.size(); ++h)
        for (std::size_t c = 0; c < constructions.size(); ++c)
          give(*heads[h], output(*heads[h], trials[t], constructions[c]) - view(heads[h]->target), {t, h, c}, sink);
  }

 private:
  using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

  struct Place {
    std::size_t trial, head, construction;
  };

  static Eigen::Index rows_of(const Matrix& matrix) { return static_cast<Eigen::Index>(matrix.rows()); }
  static Eigen::Index cols_of(const Matrix& matrix) { return static_cast<Eigen::Index>(matrix.cols()); }
  static Eigen::Map<const RowMajor> view(const Matrix& matrix) {
    return {matrix.values.data(), rows_of(matrix), cols_of(matrix)};
  }

  static RowMajor cut(const Matrix* matrix, std::size_t k, double factor, Eigen::Index cols) {
    const auto rows = static_cast<Eigen::Index>(k);
    if (factor == 0) return RowMajor::Zero(rows, cols);
    return factor * view(*matrix).topRows(rows);
  }

  static RowMajor output(const Head& head, const ProjectionPair& pair, const Construction& construction) {
    const Eigen::Index n = rows_of(head.columns);
    const RowMajor e = cut(pair.e, construction.k, construction.e_factor, n);
    const RowMajor projected = cut(pair.f, construction.k, construction.f_factor, n) * view(head.columns);
    if (construction.form == Form::linear) return view(head.attention) * e.transpose() * projected;
    RowMajor scores = RowMajor::Zero(rows_of(head.attention), e.rows());  // A E^T
    if (construction.e_factor != 0) {
      const Logits& logits = head.logits.value();
      scores = logits.key.empty() ? RowMajor(view(logits.query) * e.transpose())
                                  : RowMajor(view(logits.query) * view(logits.key).transpose() * e.transpose());
    }
    for (Eigen::Index i = 0; i < scores.rows(); ++i) {
      const bool softmax = construction.form == Form::softmax;
      const double shift =
          softmax ? scores.row(i).maxCoeff() : head.logits.value().log_sum[static_cast<std::size_t>(i)];
      scores.row(i) = (scores.row(i).array() - shift).exp();
      if (softmax) scores.row(i) /= scores.row(i).sum();
    }
    return scores * projected;
  }

  static void give(const Head& head, const RowMajor& error, const Place& place, ErrorSink& sink) {
    const Eigen::VectorXd columns = error.colwise().squaredNorm();
    std::vector<double> rows;
    for (const ColumnRange& group : head.groups)
      for (Eigen::Index i = 0; i < error.rows(); ++i)
        rows.push_back(
            error.block(i, static_cast<Eigen::Index>(group.first), 1, static_cast<Eigen::Index>(group.size()))
                .squaredNorm());
    sink.take(place.trial, place.head, place.construction,
              {{columns.data(), static_cast<std::size_t>(columns.size())},
               rows,
               {error.data(), static_cast<std::size_t>(error.size())}});
  }

  // Eigen 3.4's divide and conquer gives NaN on some matrices of rank one (33 x 127, all equal); Jacobi never does.
  static constexpr Eigen::Index largest_for_jacobi = 256;

  static Eigen::VectorXd singular_values_of(const Eigen::Map<const RowMajor>& matrix) {
    if (std::min(matrix.rows(), matrix.cols()) <= largest_for_jacobi)
      return Eigen::JacobiSVD<Eigen::MatrixXd>(matrix).singularValues();
    return Eigen::BDCSVD<Eigen::MatrixXd>(matrix).singularValues();
  }

  static Spectrum spectrum(const MatrixBatch& batch, std::size_t b) {
    const MatrixShape shape = batch.shape();
    const auto rows = static_cast<Eigen::Index>(shape.rows), cols = static_cast<Eigen::Index>(shape.cols);
    const Eigen::Map<const RowMajor> matrix(batch.matrix(b).data(), rows, cols);
    Spectrum result{batch.id(b), SvdStatus::ok, {}, 0, "reference"};
    if (!matrix.allFinite()) {
      result.status = SvdStatus::not_finite;
      return result;
    }
    const Eigen::VectorXd values = singular_values_of(matrix);
    result.values.assign(values.begin(), values.end());
    if (!values.allFinite()) {
      result.status = SvdStatus::not_converged;
      result.values.clear();
      return result;
    }
    result.error_bound = direct_error_bound(shape, result.values.empty() ? 0 : result.values.front());
    return result;
  }
};

}  // namespace

std::unique_ptr<Backend> make_reference_backend() { return std::make_unique<ReferenceBackend>(); }

}  // namespace attnspec
