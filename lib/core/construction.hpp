// What stands in for P V: a pair (E, F) of projections and how they are put together.
#pragma once

#include <cstddef>
#include <span>

#include "lib/core/matrix.hpp"

namespace attnspec {

/// The three ways in which a pair (E, F), both k x n_k, answers for P V or exp(A) V.
enum class Form {
  linear,      ///< P E^T (F V)               against P V (Theorem 1, eq. 16; Lemma 1, eq. 12)
  softmax,     ///< softmax(A E^T) (F V)      against P V (eq. 7 and 8)
  exponential  ///< exp(A E^T) (F V)          against exp(A) V (eq. 9, 21 to 25)
};

/// E and F are the first k rows of a trial's pair of matrices, each times a factor; a factor of 0 is a zero matrix.
struct Construction {
  Form form = Form::linear;
  std::size_t k = 0;  ///< 0: the zero matrix, in the linear form only
  double e_factor = 1, f_factor = 1;
};

/// One trial's matrices, both with n_k columns and at least as many rows as the largest k asks for; the two may be one.
/// `e` may be null where every e_factor is 0, `f` where every k is.
struct ProjectionPair {
  const Matrix* e = nullptr;
  const Matrix* f = nullptr;
};

}  // namespace attnspec
