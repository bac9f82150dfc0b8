// The words of verify's own options, and what they mean.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "analysis/verify_options.hpp"

namespace attnspec {

/// As the command line gives them; every default as text, so that help shows it.
struct VerifyWords {
  std::string claim = "all", epsilon = "0.3,0.5", k = "auto", columns = "auto", delta = "2^-n", check = "none";
  std::string construction = "paper,gaussian,zero,mean,svd,pool";
  std::string trials = "1000", confidence = "0.95", seed = "0";
};

/// Everything but the selection, threads and memory. Throws Error(usage) for what means nothing, with what would.
VerifyOptions parse_verify_words(const VerifyWords& words);

/// The readings that --check names. Throws Error(usage) for one that does not exist.
std::set<std::string> parse_check(const std::string& text);

}  // namespace attnspec
