// Singular values by Eigen: one-sided Jacobi, and divide and conquer where that would take minutes.
#include "lib/backend/reference_backend.hpp"

#include <Eigen/SVD>

#include <algorithm>

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

 private:
  using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

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
    Spectrum result{batch.id(b), SvdStatus::ok, {}, 0};
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
