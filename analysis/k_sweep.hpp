// Which projected dimensions k a claim is tried at.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "analysis/verify_options.hpp"
#include "lib/core/export.hpp"
#include "lib/theory/theorems.hpp"

namespace attnspec {

struct SweptK {
  std::size_t k = 0;
  std::string source;             ///< "given", "power-of-two", or the paper's formula by name
  std::optional<PaperK> formula;  ///< which, where the paper asks for this k
  bool measured = true;           ///< false: the paper's k is n or more; the row says so, nothing is tried
};

/// Rising in k. `given` wins where it is not empty; else the powers of two from 8 (from 1 up to n = 16) below n and the
/// paper's k's for this claim and epsilon, rounded up. `head_dim` 0: not known, and the formulas that need it are left
/// out.
ATTNSPEC_API std::vector<SweptK> k_sweep(Claim claim, double epsilon, std::size_t n, std::size_t head_dim,
                                         const std::vector<std::size_t>& given);

/// All k's that are measured for a claim at any epsilon, rising.
ATTNSPEC_API std::vector<std::size_t> measured_ks(Claim claim, const std::vector<double>& epsilons, std::size_t n,
                                                  std::size_t head_dim, const std::vector<std::size_t>& given);

}  // namespace attnspec
