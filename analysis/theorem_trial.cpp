// Criteria, baselines, and what the rows of both theorems share.
#include "analysis/theorem_trial.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "analysis/constructions.hpp"

namespace attnspec {
namespace {

constexpr std::array all_failing{Failing::relative, Failing::rowwise, Failing::frobenius, Failing::spectral};

std::size_t criterion_of(std::size_t kind, Failing failing) {
  return kind * failing_kinds + static_cast<std::size_t>(failing);
}

Criterion over_columns(const ColumnFacts& facts, const std::vector<double>& epsilons) {
  Criterion criterion;
  criterion.over = Criterion::Over::columns;
  criterion.tested = facts.tested_column;
  for (std::size_t j = 0; j < facts.range.size(); ++j) criterion.items.push_back(facts.range.first + j);
  for (const double epsilon : epsilons) {
    std::vector<double>& limits = criterion.limits.emplace_back();
    for (const double norm : facts.target_norms) limits.push_back(epsilon * epsilon * norm * norm);
  }
  return criterion;
}

Criterion over_cells(const ColumnFacts& facts, const HeadOnTrial& trial, const std::vector<double>& epsilons) {
  Criterion criterion;
  criterion.over = Criterion::Over::cells;
  const std::size_t width = trial.head.columns.cols();
  for (std::size_t i = 0; i < trial.row_norms.size(); ++i)
    criterion.items.push_back(i * width + facts.range.first + facts.rowwise_column);
  for (const double epsilon : epsilons) {
    std::vector<double>& limits = criterion.limits.emplace_back();
    for (const double norm : trial.row_norms)
      limits.push_back(epsilon * norm * facts.column_norms[facts.rowwise_column]);
  }
  return criterion;
}

Criterion over_rows(const ColumnFacts& facts, std::size_t kind, const HeadOnTrial& trial, double columns_norm,
                    const std::vector<double>& epsilons) {
  Criterion criterion;
  criterion.over = Criterion::Over::rows;
  criterion.tested = facts.tested_row;
  const std::size_t rows = trial.row_norms.size();
  for (std::size_t i = 0; i < rows; ++i) criterion.items.push_back(kind * rows + i);
  for (const double epsilon : epsilons) {
    std::vector<double>& limits = criterion.limits.emplace_back();
    for (const double norm : trial.row_norms) limits.push_back(std::pow(epsilon * norm * columns_norm, 2));
  }
  return criterion;
}

std::vector<Criterion> all_criteria(const HeadOnTrial& trial, const std::vector<double>& epsilons) {
  std::vector<Criterion> criteria;
  for (std::size_t kind = 0; kind < trial.columns.size(); ++kind) {
    const ColumnFacts& facts = trial.columns[kind];
    criteria.push_back(over_columns(facts, epsilons));
    criteria.push_back(over_cells(facts, trial, epsilons));
    criteria.push_back(over_rows(facts, kind, trial, facts.norm, epsilons));
    criteria.push_back(over_rows(facts, kind, trial, facts.spectral_norm, epsilons));
  }
  return criteria;
}

}  // namespace

TheoremTrial::TheoremTrial(HeadOnTrial trial, std::size_t head_dim, const VerifyOptions& options)
    : trial_(std::move(trial)), head_dim_(head_dim), options_(options) {
  // A score delta a.r has standard deviation delta |a| / sqrt(k); beyond forty of them lies nothing that is ever drawn.
  constexpr double never_drawn = 40, moves_no_weight = 0x1p-54;
  const double delta = value_of(options.delta, trial_.head.columns.rows());
  in_the_limit_ = delta * std::max(1.0, never_drawn * trial_.largest_logit_row) < moves_no_weight;
  HeadCriteria criteria{trial_.head.groups, all_criteria(trial_, options.epsilons), {}};
  criteria.of_construction.emplace_back();
  for (std::size_t c = 0; c < criteria.criteria.size(); ++c) criteria.of_construction.front().push_back(c);
  baseline_criteria_.push_back(std::move(criteria));
}

HeadCriteria TheoremTrial::criteria(const RandomConstructions& constructions) const {
  HeadCriteria criteria{trial_.head.groups, baseline_criteria_.front().criteria, {}};
  for (const Construction& construction : constructions.all()) {
    const bool linear = construction.form == Form::linear;
    std::vector<std::size_t>& wanted = criteria.of_construction.emplace_back();
    for (std::size_t kind = 0; kind < trial_.columns.size(); ++kind)
      for (const Failing failing : all_failing)
        if ((failing == Failing::relative || failing == Failing::rowwise) == linear)
          wanted.push_back(criterion_of(kind, failing));
  }
  return criteria;
}

void TheoremTrial::try_baseline(Backend& backend, const std::string& name, std::size_t k,
                                const FixedConstruction& fixed) {
  auto tally = std::make_unique<TrialTally>(baseline_criteria_, 1, options_.epsilons.size());
  const Matrix* matrix = fixed.matrix.get();
  const ProjectionPair pair{matrix, matrix};
  const Head* head = &trial_.head;
  tally->begin_chunk(1);
  backend.output_errors({&head, 1}, {&pair, 1}, {&fixed.construction, 1}, *tally);
  tally->end_chunk();
  baselines_[{name, k}] = std::move(tally);
}

void TheoremTrial::try_baselines(Backend& backend) {
  const std::size_t tokens = trial_.head.columns.rows();
  try_baseline(backend, "zero", 0, zero_construction());  // the verdicts need it, asked for or not
  if (options_.constructions.contains("mean")) try_baseline(backend, "mean", 0, mean_construction(tokens));
  std::vector<std::size_t> ks;
  for (const Claim claim : {Claim::theorem1, Claim::theorem2})
    if (options_.claims.contains(claim)) {
      const auto more = measured_ks(claim, options_.epsilons, tokens, head_dim_, options_.ks);
      ks.insert(ks.end(), more.begin(), more.end());
    }
  std::shared_ptr<const Matrix> vectors;
  if (options_.constructions.contains("svd"))
    vectors = std::make_shared<const Matrix>(backend.right_singular_vectors(trial_.head.attention));
  for (const std::size_t k : ks) {
    if (options_.constructions.contains("svd") && !baselines_.contains({"svd", k}))
      try_baseline(backend, "svd", k, svd_construction(k, vectors));
    if (options_.constructions.contains("pool") && has_logits() && k <= tokens && !baselines_.contains({"pool", k}))
      try_baseline(backend, "pool", k, pool_construction(k, tokens));
  }
}

std::optional<TheoremTrial::Counts> TheoremTrial::counts_of(const std::string& construction, Claim claim, Form form,
                                                            std::size_t k, const Counts& random,
                                                            const RandomConstructions& constructions) const {
  if (!options_.constructions.contains(construction)) return std::nullopt;
  if (construction == "paper" || construction == "gaussian") {
    const auto place = constructions.place(claim, construction, form, k);
    return place ? std::optional(Counts{random.tally, random.head, *place, false}) : std::nullopt;
  }
  if (form == Form::exponential && construction != "zero") return std::nullopt;  // they answer for P V
  const auto found = baselines_.find({construction, construction == "zero" || construction == "mean" ? 0 : k});
  if (found == baselines_.end()) return std::nullopt;
  return Counts{found->second.get(), 0, 0, true};
}

VerifyRow TheoremTrial::row_of(Claim claim, std::size_t kind, const SweptK& swept, std::size_t epsilon) const {
  VerifyRow row;
  row.claim = claim == Claim::theorem1 ? "theorem1" : "theorem2";
  row.columns = trial_.columns[kind].kind;
  row.id = trial_.head.id;
  row.n = trial_.head.columns.rows();
  row.d = trial_.columns[kind].range.size();
  row.epsilon = options_.epsilons[epsilon];
  row.k = swept.k;
  row.k_source = swept.source;
  return row;
}

void TheoremTrial::fill(VerifyRow& row, const Counts& counts, std::size_t kind, Failing failing, bool any,
                        std::size_t epsilon) const {
  const std::size_t criterion = criterion_of(kind, failing);
  const std::size_t items = baseline_criteria_.front().criteria[criterion].items.size();
  take_counts(row, {counts.tally, counts.head, counts.construction, criterion, items, any, counts.fixed}, epsilon,
              options_);
  row.zero_failure_rate = zero_rate(kind, failing, any, epsilon);
  const ColumnFacts& facts = trial_.columns[kind];
  row.tested = failing == Failing::relative  ? fmt::format("column {}", facts.tested_column)
               : failing == Failing::rowwise ? fmt::format("any row, column {}", facts.rowwise_column)
               : any                         ? "any row"
                                             : fmt::format("row {}", facts.tested_row);
}

double TheoremTrial::zero_rate(std::size_t kind, Failing failing, bool any, std::size_t epsilon) const {
  const CountPlace place{baselines_.at({"zero", 0}).get(), 0, 0, criterion_of(kind, failing), 0, any, true};
  return fixed_rate(place, epsilon);
}

std::vector<VerifyRow> TheoremTrial::rows(const TrialTally& tally, std::size_t head,
                                          const RandomConstructions& constructions) const {
  std::vector<VerifyRow> rows;
  const Counts random{&tally, head, 0, false};
  if (options_.claims.contains(Claim::theorem1)) add_theorem1(random, constructions, rows);
  if (options_.claims.contains(Claim::theorem2)) {
    if (has_logits())
      add_theorem2(random, constructions, rows);
    else
      add_not_applicable(rows);
  }
  return rows;
}

}  // namespace attnspec
