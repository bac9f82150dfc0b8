// One head before Theorems 1 and 2: what its errors are held against, and the errors of the fixed baselines.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "analysis/head_on_trial.hpp"
#include "analysis/random_constructions.hpp"
#include "analysis/trial_tally.hpp"
#include "analysis/verify_options.hpp"
#include "analysis/verify_row.hpp"
#include "analysis/verify_rows.hpp"
#include "lib/core/export.hpp"

namespace attnspec {

/// What fails, for one kind of columns.
enum class Failing {
  relative,   ///< a column w: |P~ w - P w| > epsilon |P w| (eq. 5); tested: the one with the largest rho
  rowwise,    ///< a row i: |p_i R^T R w - p_i w| > epsilon |p_i| |w| (eq. 19 with the product form), w being the column
              ///< with the largest |cosine|, where the law is worst and answering zero misses most
  frobenius,  ///< a row i: |out_i - (P V)_i| > epsilon |p_i| |V|_F (eq. 8); tested: the one with the largest
              ///< |(P V)_i| / |p_i|, which answering zero misses first
  spectral    ///< the same with |V|_2
};
inline constexpr std::size_t failing_kinds = 4;

class ATTNSPEC_API TheoremTrial {
 public:
  TheoremTrial(HeadOnTrial trial, std::size_t head_dim, const VerifyOptions& options);
  TheoremTrial(const TheoremTrial&) = delete;
  TheoremTrial& operator=(const TheoremTrial&) = delete;

  const HeadOnTrial& trial() const { return trial_; }
  bool has_logits() const { return trial_.head.logits.has_value(); }
  /// delta R moves no weight in double precision, so that delta = 0 gives the same.
  bool in_the_limit() const { return in_the_limit_; }
  /// For a tally of these constructions.
  HeadCriteria criteria(const RandomConstructions& constructions) const;

  /// Tries the fixed constructions, once: they are the same in every trial.
  void try_baselines(Backend& backend);

  /// Every row of both theorems; `head` is this one's place in the tally.
  std::vector<VerifyRow> rows(const TrialTally& tally, std::size_t head,
                              const RandomConstructions& constructions) const;

 private:
  struct Counts {  ///< where a row's counts come from
    const TrialTally* tally;
    std::size_t head, construction;
    bool fixed;
  };
  void try_baseline(Backend& backend, const std::string& name, std::size_t k, const struct FixedConstruction& fixed);
  std::optional<Counts> counts_of(const std::string& construction, Claim claim, Form form, std::size_t k,
                                  const Counts& random, const RandomConstructions& constructions) const;
  VerifyRow row_of(Claim claim, std::size_t kind, const SweptK& swept, std::size_t epsilon) const;
  void fill(VerifyRow& row, const Counts& counts, std::size_t kind, Failing failing, bool any,
            std::size_t epsilon) const;
  double zero_rate(std::size_t kind, Failing failing, bool any, std::size_t epsilon) const;
  void add_theorem1(const Counts& random, const RandomConstructions& constructions, std::vector<VerifyRow>& rows) const;
  void add_theorem2(const Counts& random, const RandomConstructions& constructions, std::vector<VerifyRow>& rows) const;
  void add_not_applicable(std::vector<VerifyRow>& rows) const;
  double limit_rate(const ColumnFacts& facts, Form form, std::size_t k, double limit) const;

  HeadOnTrial trial_;
  std::size_t head_dim_;
  const VerifyOptions& options_;
  bool in_the_limit_ = false;
  std::vector<HeadCriteria> baseline_criteria_;  ///< one: all criteria, one construction
  std::map<std::pair<std::string, std::size_t>, std::unique_ptr<TrialTally>> baselines_;  ///< by name and k (0: any)
};

}  // namespace attnspec
