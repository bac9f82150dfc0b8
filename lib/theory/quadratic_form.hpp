// The law of |x - m|^2 for a Gaussian vector x: what decides Theorem 2's own construction exactly.
#pragma once

#include <span>

#include "lib/core/export.hpp"

namespace attnspec {

/// Pr(sum_i lambda_i (g_i - shift_i)^2 > x), g_i independent standard normals, lambda_i >= 0. Terms with lambda_i = 0
/// contribute nothing; with none left the form is 0. One term is a normal probability. More are found by inverting the
/// characteristic function (Imhof 1961, Biometrika 48, eq. 3.2), the path moved off the imaginary axis to run through
/// the saddle point, where the integrand falls off exponentially however few the terms (Rice 1980, SIAM J. Sci. Stat.
/// Comput. 1, 438). Relative error of the smaller of the tail and its complement below 1e-9, so small tails are right
/// too, as far as x and the mean have the digits; where squared shifts pass 1e15 it is the normal law that is left.
/// Throws Error(internal) for arguments that are no numbers or where the integral does not converge.
ATTNSPEC_API double quadratic_form_tail(std::span<const double> lambda, std::span<const double> shift, double x);

}  // namespace attnspec
