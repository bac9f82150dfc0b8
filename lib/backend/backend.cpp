// Error bounds of the methods, and the identity that every spectrum is held to.
#include "lib/backend/backend.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace attnspec {
namespace {

constexpr double epsilon = std::numeric_limits<double>::epsilon();

double larger_side(MatrixShape shape) { return static_cast<double>(std::max(shape.rows, shape.cols)); }

}  // namespace

Backend::~Backend() = default;

std::vector<Spectrum> Backend::singular_values_alone(const MatrixBatch& batch) { return singular_values(batch); }

bool Backend::takes_queries_and_keys() const { return false; }

bool Backend::takes_halves() const { return false; }

std::shared_ptr<const void> Backend::keep(std::span<const Head* const>) { return nullptr; }

double Backend::seconds_computing() const { return 0; }

bool Backend::time_bus() { return false; }

double Backend::seconds_on_bus() { return 0; }

double direct_error_bound(MatrixShape shape, double sigma_1) { return 4 * larger_side(shape) * epsilon * sigma_1; }

double gram_error_bound(MatrixShape shape, double sigma_1) {
  return 2 * std::sqrt(larger_side(shape) * epsilon) * sigma_1;
}

double direct32_error_bound(MatrixShape shape, double sigma_1) {
  return 2 * std::sqrt(larger_side(shape)) * std::numeric_limits<float>::epsilon() * sigma_1;
}

bool squares_agree(const std::vector<double>& values, double frobenius_squared, MatrixShape shape) {
  double sum = 0;
  for (const double value : values) sum += value * value;
  return std::abs(sum - frobenius_squared) <= 64 * larger_side(shape) * epsilon * frobenius_squared;
}

bool squares_agree_in_float(const std::vector<double>& values, double frobenius_squared, MatrixShape shape) {
  double sum = 0;
  for (const double value : values) sum += value * value;
  return std::abs(sum - frobenius_squared) <=
         std::sqrt(larger_side(shape)) * std::numeric_limits<float>::epsilon() * frobenius_squared;
}

}  // namespace attnspec
