// The vectors, what each reading holds them against, and the exact law beside every rate.
#include "analysis/lemma1_trial.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "analysis/k_sweep.hpp"
#include "analysis/verify_rows.hpp"
#include "lib/theory/lemma1.hpp"

namespace attnspec {
namespace {

constexpr std::size_t most_rows = 16;

void append_column(std::vector<std::vector<double>>& vectors, const Matrix& matrix, std::size_t j) {
  std::vector<double> column;
  for (std::size_t i = 0; i < matrix.rows(); ++i) column.push_back(matrix(i, j));
  vectors.push_back(std::move(column));
}

void append_columns(std::vector<std::vector<double>>& vectors, const Matrix& matrix) {
  for (std::size_t j = 0; j < matrix.cols(); ++j) append_column(vectors, matrix, j);
}

/// <Rx, Ry> of the kind has one value at each (i, j) of a v x v matrix.
std::size_t cell(std::size_t x, std::size_t y, std::size_t vectors) { return x * vectors + y; }

}  // namespace

Lemma1Trial::Lemma1Trial(const HeadInputs& inputs, const std::set<std::string>& asked, const VerifyOptions& options,
                         Backend& backend)
    : options_(options) {
  const MatrixShape shape = inputs.attention.shape();
  std::vector<std::vector<double>> vectors;
  const auto end_kind = [&](const std::string& kind) {
    kinds_.push_back(kind);
    ranges_.push_back({ranges_.empty() ? 0 : ranges_.back().last, vectors.size()});
  };
  const auto attention = inputs.attention.matrix(0);
  const std::size_t rows = std::min(most_rows, shape.rows);
  for (std::size_t r = 0; r < rows; ++r) {
    query_rows_.push_back(r * shape.rows / rows);
    const auto row = attention.subspan(query_rows_.back() * shape.cols, shape.cols);
    vectors.emplace_back(row.begin(), row.end());
  }
  end_kind("attention");
  if (inputs.value && (asked.empty() || asked.contains("value"))) {
    append_columns(vectors, *inputs.value);
    end_kind("value");
  }
  if (asked.empty() || asked.contains("gaussian")) {
    append_columns(vectors, gaussian_columns_of(shape.cols, options.seed));
    end_kind("gaussian");
  }
  if (asked.empty() || asked.contains("ones")) {
    vectors.emplace_back(shape.cols, 1.0);
    end_kind("ones");
  }

  head_.id = inputs.attention.id(0);
  head_.attention = Matrix(MatrixShape{vectors.size(), shape.cols});
  head_.columns = Matrix(MatrixShape{shape.cols, vectors.size()});
  for (std::size_t v = 0; v < vectors.size(); ++v)
    for (std::size_t j = 0; j < shape.cols; ++j) head_.attention(v, j) = head_.columns(j, v) = vectors[v][j];
  head_.groups = {{0, vectors.size()}};
  criteria_.groups = head_.groups;
  head_.target = backend.product(head_.attention, head_.columns);
  for (std::size_t v = 0; v < vectors.size(); ++v) norms_.push_back(std::sqrt(head_.target(v, v)));
  for (std::size_t g = 0; g < kinds_.size(); ++g) add_norms(kinds_[g], ranges_[g]);
  for (const bool relative : {true, false})
    for (std::size_t g = 1; g < kinds_.size(); ++g) add_pairs(kinds_[g], ranges_[g], relative);
}

double Lemma1Trial::cosine(std::size_t x, std::size_t y) const {
  return std::clamp(head_.target(x, y) / (norms_[x] * norms_[y]), -1.0, 1.0);
}

std::string Lemma1Trial::name_of_vector(std::size_t vector) const {
  if (vector < query_rows_.size()) return fmt::format("row {}", query_rows_[vector]);
  for (std::size_t g = 1; g < kinds_.size(); ++g)
    if (vector < ranges_[g].last) return fmt::format("{} column {}", kinds_[g], vector - ranges_[g].first);
  return "";
}

void Lemma1Trial::add_norms(const std::string& kind, ColumnRange range) {
  Criterion criterion;
  criterion.over = Criterion::Over::cells;
  criterion.one_sided = true;
  for (std::size_t v = range.first; v < range.last; ++v)
    if (norms_[v] > 0) criterion.items.push_back(cell(v, v, norms_.size()));
  if (criterion.items.empty()) return;
  for (const double epsilon : options_.epsilons) {
    std::vector<double>& limits = criterion.limits.emplace_back();
    for (std::size_t v = range.first; v < range.last; ++v)
      if (norms_[v] > 0) limits.push_back(epsilon * (2 + epsilon) * norms_[v] * norms_[v]);  // (1 + e)^2 - 1
  }
  const std::size_t tested = criterion.items.front() / norms_.size();
  criteria_.criteria.push_back(std::move(criterion));
  questions_.push_back({"norm", kind, name_of_vector(tested), 1, range.size()});
}

void Lemma1Trial::add_pairs(const std::string& kind, ColumnRange range, bool relative) {
  Criterion criterion;
  criterion.over = Criterion::Over::cells;
  criterion.limits.resize(options_.epsilons.size());
  double deciding = relative ? 2 : -1;
  std::pair<std::size_t, std::size_t> tested;
  for (std::size_t x = 0; x < query_rows_.size(); ++x)
    for (std::size_t y = range.first; y < range.last; ++y) {
      if (!(norms_[x] > 0) || !(norms_[y] > 0)) continue;
      const double size = std::abs(cosine(x, y));
      if (relative ? size < deciding : size > deciding) {
        deciding = size;
        tested = {x, y};
        criterion.tested = criterion.items.size();
      }
      criterion.items.push_back(cell(x, y, norms_.size()));
      for (std::size_t e = 0; e < options_.epsilons.size(); ++e)
        criterion.limits[e].push_back(options_.epsilons[e] *
                                      (relative ? std::abs(head_.target(x, y)) : norms_[x] * norms_[y]));
    }
  if (criterion.items.empty()) return;
  criteria_.criteria.push_back(std::move(criterion));
  questions_.push_back({relative ? "inner-relative" : "inner-product", kind,
                        name_of_vector(tested.first) + ", " + name_of_vector(tested.second),
                        cosine(tested.first, tested.second), range.size()});
}

std::vector<VerifyRow> Lemma1Trial::rows(const TrialTally& tally, std::size_t head, const std::vector<std::size_t>& ks,
                                         std::size_t head_dim) const {
  std::vector<VerifyRow> rows;
  const std::size_t n = head_.columns.rows();
  for (std::size_t q = 0; q < questions_.size(); ++q) {
    const Question& question = questions_[q];
    const Criterion& criterion = criteria_.criteria[q];
    for (std::size_t e = 0; e < options_.epsilons.size(); ++e) {
      const double epsilon = options_.epsilons[e];
      for (const SweptK& swept : k_sweep(Claim::lemma1, epsilon, n, head_dim, options_.ks)) {
        VerifyRow row;
        row.claim = "lemma1";
        row.reading = question.reading;
        row.construction = "paper";
        row.columns = question.kind;
        row.id = head_.id;
        row.n = n;
        row.d = question.vectors;
        row.epsilon = epsilon;
        row.k = swept.k;
        row.k_source = swept.source;
        row.tested = question.tested;
        const auto c = static_cast<std::size_t>(std::lower_bound(ks.begin(), ks.end(), swept.k) - ks.begin());
        take_counts(row, {&tally, head, c, q, criterion.items.size()}, e, options_);
        if (question.reading == "norm") {
          row.claimed_bound = lemma1_bound(swept.k, epsilon);
          row.exact_rate = norm_failure_rate(swept.k, epsilon);
        } else {
          const double size = question.reading == "inner-relative" ? std::abs(question.cosine) : 1;
          row.claimed_bound = 2 * lemma1_bound(swept.k, epsilon);
          row.exact_rate = inner_product_failure_rate(swept.k, question.cosine, epsilon * size);
        }
        judge_row(row, std::nullopt, options_);
        rows.push_back(std::move(row));
      }
    }
  }
  return rows;
}

}  // namespace attnspec
