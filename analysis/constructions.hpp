// What is put in the place of P V: for each construction the pair (E, F) and its form. A new one is a function here.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "analysis/verify_options.hpp"
#include "lib/core/construction.hpp"
#include "lib/core/export.hpp"
#include "lib/core/matrix.hpp"

namespace attnspec {

/// Random ones. Each trial's pair is Z, Z: standard normals, cut to k rows and scaled here.

/// Theorem 1 (eq. 16) and Lemma 1 (eq. 12): P R^T R V.
ATTNSPEC_API Construction theorem1_construction(std::size_t k);

/// Theorem 2 (appendix B): E = delta R, F = e^-delta R.
ATTNSPEC_API Construction theorem2_construction(Form form, std::size_t k, double delta);

/// E = F = R in Linformer's eq. (7).
ATTNSPEC_API Construction gaussian_construction(Form form, std::size_t k);

/// Fixed ones: the same in every trial.
struct FixedConstruction {
  Construction construction;
  std::shared_ptr<const Matrix> matrix;  ///< E and F are cut from it; null where nothing is
};

/// F = 0: the output is zero.
ATTNSPEC_API FixedConstruction zero_construction();

/// k = 1, E = 0, F = 1^T / n: every row of the output is the mean of the values.
ATTNSPEC_API FixedConstruction mean_construction(std::size_t tokens);

/// P V_k V_k^T: the best rank-k approximation of P (Eckart and Young 1936). `vectors`: right singular vectors as rows.
ATTNSPEC_API FixedConstruction svd_construction(std::size_t k, std::shared_ptr<const Matrix> vectors);

/// Linformer's mean pooling: E = F average k runs of n/k tokens (lengths differ by one where k does not divide n).
ATTNSPEC_API FixedConstruction pool_construction(std::size_t k, std::size_t tokens);

/// delta for a sequence of n tokens, and how verify.csv writes it.
ATTNSPEC_API double value_of(const Delta& delta, std::size_t n);
ATTNSPEC_API std::string name_of(const Delta& delta, std::size_t n);

}  // namespace attnspec
