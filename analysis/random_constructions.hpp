// The random constructions that one call tries, and where each of them lies in the list.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "analysis/verify_options.hpp"
#include "lib/core/construction.hpp"
#include "lib/core/export.hpp"

namespace attnspec {

class ATTNSPEC_API RandomConstructions {
 public:
  /// What the options ask of heads with n_k = n. Theorem 2 needs logits; `in_the_limit`: its own construction is taken
  /// at delta = 0.
  RandomConstructions(const VerifyOptions& options, std::size_t n, std::size_t head_dim, bool with_logits,
                      bool in_the_limit);

  const std::vector<Construction>& all() const { return all_; }
  /// `name`: paper or gaussian. Nothing where it is not among them.
  std::optional<std::size_t> place(Claim claim, const std::string& name, Form form, std::size_t k) const;

 private:
  void add(Claim claim, const std::string& name, const Construction& construction);

  std::vector<Construction> all_;
  std::map<std::tuple<Claim, std::string, Form, std::size_t>, std::size_t> places_;
};

}  // namespace attnspec
