// Curves and rank measures of one spectrum.
#include "analysis/spectrum_measures.hpp"

#include <algorithm>
#include <cmath>

namespace attnspec {
namespace {

double sum_of_squares(std::span<const double> values) {
  double sum = 0;
  for (const double value : values) sum += value * value;
  return sum;
}

std::vector<double> running_share(std::vector<double> parts) {
  double total = 0;
  for (double& part : parts) part = total += part;
  for (double& part : parts) part = total > 0 ? part / total : 1.0;
  return parts;
}

}  // namespace

std::vector<double> cumulative_share(std::span<const double> singular_values) {
  return running_share({singular_values.begin(), singular_values.end()});
}

std::vector<double> cumulative_energy(std::span<const double> singular_values) {
  std::vector<double> squares(singular_values.begin(), singular_values.end());
  for (double& value : squares) value *= value;
  return running_share(std::move(squares));
}

std::size_t index_reaching(std::span<const double> curve, double share) {
  const auto reached = std::lower_bound(curve.begin(), curve.end(), share);
  const auto steps = static_cast<std::size_t>(reached - curve.begin());
  return std::min(steps + 1, curve.size());
}

double effective_rank(std::span<const double> singular_values) {
  const double total = nuclear_norm(singular_values);
  if (total <= 0) return 0;
  double entropy = 0;
  for (const double value : singular_values)
    if (value > 0) entropy -= value / total * std::log(value / total);
  return std::exp(entropy);
}

double stable_rank(std::span<const double> singular_values) {
  if (singular_values.empty() || singular_values.front() <= 0) return 0;
  return sum_of_squares(singular_values) / (singular_values.front() * singular_values.front());
}

double participation_ratio(std::span<const double> singular_values) {
  double fourth = 0;
  for (const double value : singular_values) fourth += value * value * value * value;
  const double square = sum_of_squares(singular_values);
  return fourth > 0 ? square * square / fourth : 0;
}

double nuclear_norm(std::span<const double> singular_values) {
  double sum = 0;
  for (const double value : singular_values) sum += value;
  return sum;
}

std::size_t numerical_rank(std::span<const double> singular_values, double tolerance) {
  return static_cast<std::size_t>(std::count_if(singular_values.begin(), singular_values.end(),
                                                [tolerance](double value) { return value > tolerance; }));
}

std::size_t default_index(std::size_t n) { return n >= 512 ? 128 : std::max<std::size_t>(1, n / 4); }

}  // namespace attnspec
