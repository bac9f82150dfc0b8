// Claims times forms times k.
#include "analysis/random_constructions.hpp"

#include "analysis/constructions.hpp"
#include "analysis/k_sweep.hpp"

namespace attnspec {

RandomConstructions::RandomConstructions(const VerifyOptions& options, std::size_t n, std::size_t head_dim,
                                         bool with_logits, bool in_the_limit) {
  const auto ks = [&](Claim claim) { return measured_ks(claim, options.epsilons, n, head_dim, options.ks); };
  if (options.claims.contains(Claim::theorem1) && options.constructions.contains("paper"))
    for (const std::size_t k : ks(Claim::theorem1)) add(Claim::theorem1, "paper", theorem1_construction(k));
  if (!options.claims.contains(Claim::theorem2) || !with_logits) return;
  const double delta = in_the_limit ? 0 : value_of(options.delta, n);
  for (const std::size_t k : ks(Claim::theorem2))
    for (const Form form : {Form::softmax, Form::exponential}) {
      if (options.constructions.contains("paper")) add(Claim::theorem2, "paper", theorem2_construction(form, k, delta));
      if (options.constructions.contains("gaussian")) add(Claim::theorem2, "gaussian", gaussian_construction(form, k));
    }
}

std::optional<std::size_t> RandomConstructions::place(Claim claim, const std::string& name, Form form,
                                                      std::size_t k) const {
  const auto found = places_.find({claim, name, form, k});
  return found == places_.end() ? std::nullopt : std::optional(found->second);
}

void RandomConstructions::add(Claim claim, const std::string& name, const Construction& construction) {
  places_[{claim, name, construction.form, construction.k}] = all_.size();
  all_.push_back(construction);
}

}  // namespace attnspec
