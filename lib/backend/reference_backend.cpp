// Singular values by Eigen's bidiagonal divide and conquer.
#include "lib/backend/reference_backend.hpp"

#include <Eigen/SVD>

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

  static Spectrum spectrum(const MatrixBatch& batch, std::size_t b) {
    const MatrixShape shape = batch.shape();
    const auto rows = static_cast<Eigen::Index>(shape.rows), cols = static_cast<Eigen::Index>(shape.cols);
    const Eigen::Map<const RowMajor> matrix(batch.matrix(b).data(), rows, cols);
    Spectrum result{batch.id(b), SvdStatus::ok, {}, 0};
    if (!matrix.allFinite()) {
      result.status = SvdStatus::not_finite;
      return result;
    }
    const Eigen::BDCSVD<Eigen::MatrixXd> svd(matrix);
    if (svd.info() != Eigen::Success) {
      result.status = SvdStatus::not_converged;
      return result;
    }
    result.values.assign(svd.singularValues().begin(), svd.singularValues().end());
    result.error_bound = direct_error_bound(shape, result.values.empty() ? 0 : result.values.front());
    return result;
  }
};

}  // namespace

std::unique_ptr<Backend> make_reference_backend() { return std::make_unique<ReferenceBackend>(); }

}  // namespace attnspec
