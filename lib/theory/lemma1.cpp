// Lemma 1: incomplete gamma functions for norms, one integral over a chi variable for inner products.
#include "lib/theory/lemma1.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <numeric>
#include <string>

#include <boost/math/quadrature/gauss.hpp>
#include <boost/math/special_functions/gamma.hpp>
#include <boost/math/tools/minima.hpp>

#include "lib/core/error.hpp"
#include "lib/theory/quiet_policy.hpp"

namespace attnspec {
namespace {

double probability(double value, const char* law, std::size_t k, double epsilon) {
  if (!std::isfinite(value) || k == 0)
    throw Error(ErrorKind::internal, std::string(law) + " has no value at k = " + std::to_string(k) +
                                         ", epsilon = " + std::to_string(epsilon));
  return std::clamp(value, 0.0, 1.0);
}

/// log Pr(g > z), g standard normal, for any z: erfc underflows near 38.
double log_normal_tail(double z) {
  if (z < 30) return std::log(0.5 * std::erfc(z / std::numbers::sqrt2));
  const double r = 1 / (z * z);
  return -0.5 * z * z - std::log(z * std::sqrt(2 * std::numbers::pi)) + std::log1p(-r + 3 * r * r - 15 * r * r * r);
}

/// Pr(<Rx, Ry> - <x, y> > tolerance |x| |y|) as one integral. Given Rx, with G = k |Rx|^2 / |x|^2 chi-square,
/// k <Rx, Ry> / (|x| |y|) is normal with mean c G and variance (1 - c^2) G. In v = log sqrt(G / k) this reads
///     C int e^{-k (e^{2v} - 1 - 2v) / 2} Pr(g > sqrt(k / (1 - c^2)) ((c + tolerance) e^{-v} - c e^v)) dv,
/// where C is k times a gamma density: smooth, with one hump, and without cancellation between terms.
class UpperTail {
 public:
  UpperTail(std::size_t k, double cosine, double tolerance)
      : k_(static_cast<double>(k)),
        steepness_(std::sqrt(k_ / ((1 - cosine) * (1 + cosine)))),
        cosine_(cosine),
        edge_(cosine + tolerance) {}

  double rate() {
    std::uintmax_t steps = 100;
    const double top = boost::math::tools::brent_find_minima([this](double v) { return -log_integrand(v); }, lowest,
                                                             highest, bits_of_top, steps)
                           .first;
    const double level = log_integrand(top);
    if (!(level > smallest)) return 0;
    move_origin_to(top);
    const double constant = k_ * boost::math::gamma_p_derivative(0.5 * k_, 0.5 * k_, Quiet());
    return constant * std::exp(level) * integral(-extent(-1), extent(1), step_from(top));
  }

 private:
  // Beyond these the chi variable over its mean, e^v, is less likely than 1e-26 for every k.
  static constexpr double lowest = -60, highest = 30;
  static constexpr int bits_of_top = 24;     // enough: the top is only where the integral is cut in two
  static constexpr double smallest = -760;   // e^-760 is 0
  static constexpr double negligible = 42;   // e^-42 of the top, and falling
  static constexpr double agreement = 1e-9;  // of an interval and its halves, which are far better
  static constexpr int most_halvings = 12;

  /// With v = origin + t, by differences from the origin, which keep their digits where a cosine next to 1 magnifies
  /// them a hundred million times.
  double log_integrand(double t) const {
    const double q = std::expm1(t), r = -std::expm1(-t) / stretch_;
    const double z = z_at_origin() - steepness_ * (edge_ * r + cosine_ * stretch_ * q);
    return -0.5 * k_ * (stretch_ * stretch_ * q * (q + 2) - 2 * t) + log_normal_tail(z) - log_tail_at_origin_;
  }

  double z_at_origin() const { return steepness_ * (edge_ / stretch_ - cosine_ * stretch_); }

  void move_origin_to(double v) {
    stretch_ = std::exp(v);
    log_tail_at_origin_ = log_normal_tail(z_at_origin());
  }

  /// How far from the top the integrand is still worth adding. Found from below: a cosine next to 1 can make the hump
  /// much narrower than the chi density.
  double extent(double direction) const {
    double length = 1e-3 / (1 + steepness_);
    while (length < highest - lowest && log_integrand(direction * length) > -negligible) length *= 2;
    return length;
  }

  struct Range {
    double low, high;
  };

  /// Where the normal factor goes from 0 to 1, or nearly: a step, for cosines next to 1, that no rule may overlook.
  Range step_from(double origin) const {
    const double ratio = edge_ / cosine_;
    if (!(ratio > 0 && std::isfinite(ratio))) return {0, 0};
    const double middle = 0.5 * std::log(ratio) - origin;
    const double slope = 2 * steepness_ * std::abs(cosine_) * std::sqrt(ratio);
    return {middle - 9 / slope, middle + 9 / slope};
  }

  double integral(double from, double to, Range step) const {
    std::array<double, 5> cuts{from, step.low, 0, step.high, to};
    for (double& cut : cuts) cut = std::clamp(cut, from, to);
    std::sort(cuts.begin(), cuts.end());
    std::array<double, 4> pieces{};
    for (std::size_t i = 0; i < pieces.size(); ++i) pieces[i] = gauss(cuts[i], cuts[i + 1]);
    const double allowed = agreement * std::accumulate(pieces.begin(), pieces.end(), 0.0);
    double sum = 0;
    for (std::size_t i = 0; i < pieces.size(); ++i)
      sum += refined(cuts[i], cuts[i + 1], pieces[i], allowed, most_halvings);
    return sum;
  }

  double gauss(double from, double to) const {
    if (from == to) return 0;
    const auto integrand = [this](double t) { return std::exp(log_integrand(t)); };
    return boost::math::quadrature::gauss<double, 20, Quiet>::integrate(integrand, from, to);
  }

  double refined(double from, double to, double whole, double allowed, int depth) const {
    const double middle = from + (to - from) / 2, left = gauss(from, middle), right = gauss(middle, to);
    if (!(std::abs(left + right - whole) > allowed) || depth == 0) return left + right;  // no number ends here too
    return refined(from, middle, left, allowed, depth - 1) + refined(middle, to, right, allowed, depth - 1);
  }

  double k_, steepness_, cosine_, edge_;         // edge: cosine + tolerance
  double stretch_ = 1, log_tail_at_origin_ = 0;  // e^v and the normal factor where t = 0
};

}  // namespace

double lemma1_bound(std::size_t k, double epsilon) {
  return std::exp(-(1 - epsilon) * epsilon * epsilon * static_cast<double>(k) / 4);
}

double norm_failure_rate(std::size_t k, double epsilon) {
  const double half = 0.5 * static_cast<double>(k);
  return probability(boost::math::gamma_q(half, half * (1 + epsilon) * (1 + epsilon), Quiet()), "the law of |Rx|", k,
                     epsilon);
}

double squared_norm_failure_rate(std::size_t k, double epsilon) {
  const double half = 0.5 * static_cast<double>(k);
  const double below = epsilon < 1 ? boost::math::gamma_p(half, half * (1 - epsilon), Quiet()) : 0;
  return probability(below + boost::math::gamma_q(half, half * (1 + epsilon), Quiet()), "the law of |Rx|^2", k,
                     epsilon);
}

double inner_product_failure_rate(std::size_t k, double cosine, double tolerance) {
  if (k == 0 || !(tolerance >= 0)) return probability(std::nan(""), "the law of <Rx, Ry>", k, tolerance);
  if (std::isnan(cosine)) return 0;
  if (tolerance == 0) return 1;
  if (std::isinf(tolerance)) return 0;
  const double c = std::clamp(cosine, -1.0, 1.0);
  if (std::abs(c) == 1) return squared_norm_failure_rate(k, tolerance);
  // Below -c is above c with one of the vectors turned round.
  const double rate = UpperTail(k, c, tolerance).rate() + UpperTail(k, -c, tolerance).rate();
  return probability(rate, "the law of <Rx, Ry>", k, tolerance);
}

}  // namespace attnspec
