// R(k, n, seed, trial): a Gaussian projection that is a name, not storage.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "lib/core/export.hpp"
#include "lib/core/matrix.hpp"

namespace attnspec {

/// The k x n matrix R with i.i.d. N(0, 1/k) entries that (seed, trial) names (Linformer, Lemma 1).
///
/// R = Z[0:k] / sqrt(k), Z being a matrix of standard normals with n columns and as many rows as one likes, so that the
/// maps of all k share their rows. Z in row-major order comes from the raw stream w[0], w[1], ... of Philox4x64-10
/// (Salmon et al. 2011) with key (seed, 0) and counters (1, 0, trial, 0), (2, 0, trial, 0), ..., which is
/// numpy.random.Philox(key=seed, counter=trial << 128).random_raw(), two words for two normals (Box and Muller
/// 1958):
///
///     u = 1 - (w[2i] >> 12) 2^-52,  v = (w[2i + 1] >> 12) 2^-52,  r = sqrt(-2 ln u)
///     Z[2i] = r cos(2 pi v),  Z[2i + 1] = r sin(2 pi v)
///
/// ln, cos and sin are computed with additions, multiplications, divisions and square roots only, in a fixed order, so
/// that every x86-64 machine, vector width and thread count gives the same bits.
struct GaussianMap {
  std::size_t k = 0, n = 0;
  std::uint64_t seed = 0, trial = 0;
};

/// R itself.
ATTNSPEC_API Matrix matrix_of(const GaussianMap& map);

/// Z[0:k]: standard normals, k x n.
ATTNSPEC_API Matrix normals_of(const GaussianMap& map);

/// The numbers [first, first + out.size()) of Z in row-major order; any cut gives the same numbers.
ATTNSPEC_API void fill_normals(std::uint64_t seed, std::uint64_t trial, std::size_t first, std::span<double> out);

}  // namespace attnspec
