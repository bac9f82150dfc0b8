// What is put on trial, and how.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "analysis/spectrum_survey.hpp"
#include "lib/dump/attention_dump.hpp"

namespace attnspec {

enum class Claim { lemma1, theorem1, theorem2 };

/// delta of Theorem 2's construction E = delta R, F = e^-delta R.
struct Delta {
  enum class Kind { two_to_minus_n, one_over_n, number } kind = Kind::two_to_minus_n;
  double number = 0;  ///< for Kind::number
};

struct VerifyOptions {
  Selection selection;
  std::set<Claim> claims{Claim::lemma1, Claim::theorem1, Claim::theorem2};
  std::vector<double> epsilons{0.3, 0.5};  ///< rising, each in (0, 1)
  std::vector<std::size_t> ks;             ///< rising; empty: powers of two below n and the paper's own
  std::size_t trials = 1000;               ///< at least 1
  std::uint64_t seed = 0;
  double confidence = 0.95;
  Delta delta;
  std::set<std::string> columns;  ///< value, gaussian, ones; empty: value, else gaussian and ones
  std::set<std::string> constructions{"paper", "gaussian", "zero", "mean", "svd", "pool"};
  OnBad on_bad = OnBad::skip;
  unsigned threads = 1;
  std::size_t batch_bytes = std::size_t{1} << 30;  ///< for the heads that are on trial together
};

}  // namespace attnspec
