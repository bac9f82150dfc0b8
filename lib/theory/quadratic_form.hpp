// The law of |x - m|^2 for a Gaussian vector x: what decides Theorem 2's own construction exactly.
#pragma once

#include <span>

#include "lib/core/export.hpp"

namespace attnspec {

/// Pr(sum_i lambda_i (g_i - shift_i)^2 > x), g_i independent standard normals, lambda_i >= 0, by Imhof's inversion of
/// the characteristic function (Imhof 1961, Biometrika 48, eq. 3.2). Terms with lambda_i = 0 contribute nothing; with
/// none left the form is 0. One term is a normal probability and exact. Absolute error below 1e-9.
/// Throws Error(internal) where the integral does not converge.
ATTNSPEC_API double quadratic_form_tail(std::span<const double> lambda, std::span<const double> shift, double x);

}  // namespace attnspec
