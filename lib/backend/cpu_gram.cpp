// Many Gram matrices at once; each checked by itself.
#include "lib/backend/cpu_gram.hpp"

#include <algorithm>
#include <limits>

#include "lib/backend/backend.hpp"
#include "lib/backend/entries_of.hpp"

namespace attnspec {
namespace {

/// Whether rounding of the Gram matrix shows in the curve. An eigenvalue is off by a few eps sigma_1^2, so a value by
/// that over 2 sigma, and one below its square root is rounding alone.
bool drowns_in_rounding(const std::vector<double>& values) {
  constexpr double bearable = 2.5e-7;  // of the sum
  const double rounding = std::numeric_limits<double>::epsilon() * values.front() * values.front();
  double sum = 0, noise = 0;
  for (const double value : values) {
    sum += value;
    noise += value * value > rounding ? rounding / (2 * value) : value;
  }
  return noise > bearable * sum;
}

}  // namespace

void CpuGram::run(const MatrixBatch& batch, std::size_t first, std::size_t count, std::vector<Spectrum>& spectra,
                  CpuWorkspace& workspace) {
  const MatrixShape shape = batch.shape();
  if (shape.elements() > 0 && (kernels_ == nullptr || shape_ != shape)) {
    shape_ = shape;
    kernels_ = make_gram_lanes(vector_set(), shape);
    values_.resize(shape.smaller_side() * matrices_at_once(shape));
  }
  std::vector<GramOutcome> outcomes(count);
  if (shape.elements() > 0) kernels_->run(entries_of(batch, first, count), outcomes, values_.data());
  const std::uint64_t planted = planted_failures();
  for (std::size_t m = 0; m < count; ++m) {
    const GramOutcome& outcome = outcomes[m];
    Spectrum& spectrum = spectra[first + m];
    const auto from = values_.begin() + static_cast<std::ptrdiff_t>(m * shape.smaller_side());
    std::vector<double> values(from, from + static_cast<std::ptrdiff_t>(shape.smaller_side()));
    if (!outcome.in_reach || !outcome.converged || (planted >> m & 1) != 0 ||
        !squares_agree(values, outcome.squares, shape)) {
      spectrum = gram_spectrum(batch, first + m, workspace);
    } else if (drowns_in_rounding(values)) {
      spectrum = direct_spectrum(batch, first + m, workspace);
    } else {
      const double bound = gram_error_bound(shape, values.front());
      spectrum = {batch.id(first + m), SvdStatus::ok, std::move(values), bound, "gram"};
    }
  }
}

}  // namespace attnspec
