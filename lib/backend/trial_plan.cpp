// Two stable sorts.
#include "lib/backend/trial_plan.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace attnspec {

TrialPlan::TrialPlan(std::span<const Construction> all) : constructions(all) {
  for (std::size_t c = 0; c < all.size(); ++c) {
    projected_rows = std::max(projected_rows, all[c].k);
    const bool is_linear = all[c].form == Form::linear;
    if (!is_linear && all[c].k == 0)
      throw std::invalid_argument("construction " + std::to_string(c) +
                                  " has softmax or exponential weights over k = 0 rows: they want k of 1 or more");
    (is_linear ? linear : weighted).push_back(c);
    if (is_linear && all[c].e_factor * all[c].f_factor != 0) mixed_rows = std::max(mixed_rows, all[c].k);
    if (!is_linear && all[c].e_factor != 0) key_rows = std::max(key_rows, all[c].k);
  }
  std::stable_sort(linear.begin(), linear.end(), [&](std::size_t a, std::size_t b) { return all[a].k < all[b].k; });
  std::stable_sort(weighted.begin(), weighted.end(), [&](std::size_t a, std::size_t b) {
    return all[a].k != all[b].k ? all[a].k < all[b].k : all[a].e_factor < all[b].e_factor;
  });
}

}  // namespace attnspec
