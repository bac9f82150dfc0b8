// Tails of quadratic forms by saddle-point integration.
#include "lib/theory/quadratic_form.hpp"

#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>
#include <optional>
#include <string>
#include <vector>

#include "lib/core/error.hpp"

namespace attnspec {
namespace {

struct Term {
  double lambda, shift, squared_shift;
};

[[noreturn]] void refuse(const std::string& what, std::size_t terms, double x) {
  throw Error(ErrorKind::internal, "the tail of a quadratic form of " + std::to_string(terms) + " terms at " +
                                       std::to_string(x) + ": " + what);
}

/// The terms that count, the largest lambda being 1; `scale` becomes what they were divided by.
std::vector<Term> scaled_terms(std::span<const double> lambda, std::span<const double> shift, double x, double& scale) {
  if (lambda.size() != shift.size()) refuse("lambda and shift differ in length", lambda.size(), x);
  scale = 0;
  for (std::size_t i = 0; i < lambda.size(); ++i) {
    if (!(lambda[i] >= 0 && std::isfinite(lambda[i]) && std::isfinite(shift[i])))
      refuse("a lambda or a shift is out of range", lambda.size(), x);
    scale = std::max(scale, lambda[i]);
  }
  std::vector<Term> terms;
  for (std::size_t i = 0; i < lambda.size(); ++i)
    if (lambda[i] > 0) terms.push_back({lambda[i] / scale, shift[i], shift[i] * shift[i]});
  return terms;
}

double one_term_tail(double lambda, double shift, double x) {
  const double radius = std::sqrt(x) / std::sqrt(lambda);
  return 0.5 * (std::erfc((radius - shift) / std::numbers::sqrt2) + std::erfc((radius + shift) / std::numbers::sqrt2));
}

/// Shifts so large that (g - shift)^2 is shift^2 - 2 shift g leave a normal law. Where a central term adds to the
/// spread it is still not the law, but then x and the mean have no digits left to show it. Nothing is squared that
/// could overflow: Theorem 2's shifts are exponentials of logits.
std::optional<double> nearly_normal_tail(std::span<const double> lambda, std::span<const double> shift, double x) {
  constexpr double very_large = 1e15;  // of squared shifts: the skewness left is below 1e-7
  double central = 0, shifted = 0, spread = 0;
  for (std::size_t i = 0; i < lambda.size(); ++i) {
    const double root = std::sqrt(lambda[i]), offset = root * shift[i];
    central += lambda[i];
    shifted += offset * offset;
    spread = std::hypot(spread, lambda[i], std::numbers::sqrt2 * root * offset);  // sd / sqrt 2
  }
  if (!(shifted >= very_large * central)) return std::nullopt;
  const double excess = x - shifted - central;
  return spread > 0 ? 0.5 * std::erfc(excess / (2 * spread)) : excess < 0 ? 1 : 0;
}

/// With K(z) = sum_i [lambda_i shift_i^2 z / w_i - log(w_i) / 2], w_i = 1 - 2 lambda_i z, the logarithm of the moment
/// generating function, an upward path right of 0 and left of 1/2, where the singularities begin, has
///     1/(2 pi i) int e^{K(z) - z x} / z dz = Pr(form > x),   and left of 0 it is -Pr(form < x).
/// The path is the hyperbola z = z_0 + a b (cosh t - 1) + i b sinh t, a < 1, through the saddle point z_0. As long as
/// 0 <= Re(z - z_0) <= |Im(z - z_0)| no term makes |e^{K(z) - K'(z_0) z}| larger than it is at z_0: nothing cancels.
class SaddleIntegral {
 public:
  SaddleIntegral(const std::vector<Term>& terms, double x) : terms_(terms), x_(x) {
    double mean = 0;
    for (const Term& term : terms) mean += term.lambda * (1 + term.squared_shift);
    upper_ = x >= mean;  // the smaller of the two probabilities, roughly
    find_saddle();
    shape_path();
  }

  double tail() const {
    const double value = std::exp(log_factor_) * integral() / std::numbers::pi;
    return std::clamp(upper_ ? value : 1 - value, 0.0, 1.0);
  }

 private:
  static constexpr double slope = 0.5;         // a above
  static constexpr double agreement = 1e-8;    // of two step sizes; halving the step squares the error
  static constexpr double negligible = 1e-18;  // of the integrand at the saddle
  static constexpr int halvings = 8;
  static constexpr int most_steps = 100'000;

  void set_point(double t) {
    if (upper_) {  // z = 1 / (2 (1 + e^-t)), and w of the largest lambda without cancellation
      saddle_ = 0.5 / (1 + std::exp(-t));
      top_w_ = 1 / (1 + std::exp(t));
    } else {
      saddle_ = -std::exp(t);
      top_w_ = 1 - 2 * saddle_;
    }
  }

  double w_of(const Term& term) const { return (1 - term.lambda) + term.lambda * top_w_; }

  /// K'(z) - x
  double drift() const {
    double sum = -x_;
    for (const Term& term : terms_) {
      const double w = w_of(term);
      sum += term.lambda / w * (1 + term.squared_shift / w);
    }
    return sum;
  }

  /// Where K(z) - z x - log |z| is least: its derivative rises on either side of 0.
  void find_saddle() {
    double low = -90, high = upper_ ? 40 : 100;  // of t; scaled forms with a probability above 1e-300 are inside
    for (int i = 0; i < 50; ++i) {
      const double middle = 0.5 * (low + high);
      set_point(middle);
      const bool rising = drift() > 1 / saddle_;
      (rising == upper_ ? high : low) = middle;
    }
  }

  /// Constants of the path: its factor e^{K(z_0) - z_0 x} / |z_0|, its curvature at the saddle, which is that of the
  /// steepest descent, and the width of the hump.
  void shape_path() {
    double second = 0, third = 0, exponent = -saddle_ * x_;
    for (const Term& term : terms_) {
      const double w = w_of(term), r = term.lambda / w;
      second += 2 * r * r * (1 + 2 * term.squared_shift / w);
      third += 8 * r * r * r * (1 + 3 * term.squared_shift / w);
      exponent += saddle_ * r * term.squared_shift - 0.5 * std::log(w);
      rates_.push_back(2 * r);
      weights_.push_back(0.5 * term.squared_shift / w);
    }
    drift_ = drift();
    log_factor_ = exponent - std::log(std::abs(saddle_));
    second += 1 / (saddle_ * saddle_);
    if (!upper_) third -= 2 / (saddle_ * saddle_ * saddle_);  // right of 0 the pole would bend the path towards itself
    width_ = 1 / std::sqrt(second);
    bend_ = 3 * slope * second / third;  // slope / (2 b) = third / (6 second)
  }

  /// The integrand over its value at the saddle, at z_0 + p + i q.
  std::complex<double> relative(double p, double q) const {
    double real = drift_ * p, imaginary = drift_ * q;
    for (std::size_t i = 0; i < rates_.size(); ++i) {
      // u = 2 lambda_i (z - z_0) / w_i adds -(log(1 - u) + u) / 2 + shift_i^2 / (2 w_i) u^2 / (1 - u).
      const double up = rates_[i] * p, uq = rates_[i] * q, grown = uq * uq + up * (up - 2);
      real -= 0.25 * std::log1p(grown) + 0.5 * up;
      imaginary += 0.5 * (std::atan2(uq, 1 - up) - uq);
      const double square_real = up * up - uq * uq, square_imaginary = 2 * up * uq, weight = weights_[i] / (1 + grown);
      real += weight * (square_real * (1 - up) - square_imaginary * uq);
      imaginary += weight * (square_real * uq + square_imaginary * (1 - up));
    }
    return std::polar(std::exp(real), imaginary) / std::complex<double>(1 + p / saddle_, q / saddle_);
  }

  /// Of the upper half of the path; `first` and `stride` choose the points t = (first + j stride) step.
  double sum(double step, int first, int stride) const {
    double total = 0;
    for (int j = first; j < most_steps; j += stride) {
      const double t = j * step, half = std::sinh(0.5 * t);
      const std::complex<double> tangent(slope * bend_ * std::sinh(t), bend_ * std::cosh(t));
      const std::complex<double> value = relative(2 * slope * bend_ * half * half, bend_ * std::sinh(t)) * tangent;
      total += j == 0 ? 0.5 * value.imag() : value.imag();
      if (std::abs(value) < negligible * bend_) return total;
    }
    refuse("the integrand does not fall off", terms_.size(), x_);
  }

  /// The trapezoidal rule, which converges exponentially here.
  double integral() const {
    double step = std::min(0.5, width_ / bend_);
    double points = sum(step, 0, 1), coarse = step * points;
    for (int i = 0; i < halvings; ++i) {
      step *= 0.5;
      points += sum(step, 1, 2);
      const double fine = step * points;
      if (std::abs(fine - coarse) <= agreement * std::abs(fine)) return fine;
      coarse = fine;
    }
    refuse("the integral does not converge", terms_.size(), x_);
  }

  const std::vector<Term>& terms_;
  double x_;
  bool upper_ = true;
  double saddle_ = 0, top_w_ = 1, drift_ = 0, log_factor_ = 0, width_ = 1, bend_ = 1;
  std::vector<double> rates_, weights_;
};

}  // namespace

double quadratic_form_tail(std::span<const double> lambda, std::span<const double> shift, double x) {
  double scale = 0;
  const std::vector<Term> terms = scaled_terms(lambda, shift, x, scale);
  if (std::isnan(x)) refuse("x is no number", lambda.size(), x);
  if (x < 0) return 1;
  if (terms.empty()) return 0;
  if (terms.size() == 1) return one_term_tail(scale, terms.front().shift, x);
  if (const auto tail = nearly_normal_tail(lambda, shift, x)) return *tail;
  const double scaled_x = x / scale;
  if (std::isinf(scaled_x)) return 0;
  // The form is above its largest term, which is as small as this with probability below 1e-20.
  if (scaled_x < 1e-40) return 1;
  return SaddleIntegral(terms, scaled_x).tail();
}

}  // namespace attnspec
