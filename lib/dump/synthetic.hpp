// Attention matrices whose spectra are known: what `attnspec synth` writes and tests compare with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "lib/core/export.hpp"
#include "lib/core/matrix_batch.hpp"

namespace attnspec {

struct SyntheticOptions {
  /// identity, uniform, previous, one-hot, blocks, banded, causal, random, spectrum
  std::string kind = "random";
  std::size_t n = 512;
  std::size_t block = 8;                ///< blocks: uniform blocks of this size
  std::size_t width = 2;                ///< banded: uniform weights on |i - j| <= width, around the circle
  std::size_t head_dim = 64;            ///< random: Q and K have this many columns
  double logit_sd = 1;                  ///< random: standard deviation of scale q.k
  bool causal = false;                  ///< random: mask the future
  std::vector<double> singular_values;  ///< spectrum: the values after the first, which is 1
  std::uint64_t seed = 1;
};

/// True where the dump holds Q and K instead of P.
ATTNSPEC_API bool is_query_key(const SyntheticOptions& options);

/// P [n, n], row-major, of one head. Kinds with chance in them differ from head to head, by (seed, sample, layer,
/// head). Throws Error(usage) for a kind that does not exist or options that make no attention.
ATTNSPEC_API std::vector<double> synthetic_attention(const SyntheticOptions& options, const MatrixId& id);

/// Q and K [n, head_dim] each, i.i.d. normal, such that q.k / sqrt(head_dim) has standard deviation logit_sd.
struct QueryKey {
  std::vector<double> query, key;
};
ATTNSPEC_API QueryKey synthetic_query_key(const SyntheticOptions& options, const MatrixId& id);

}  // namespace attnspec
