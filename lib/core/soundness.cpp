// One pass over a matrix: is it attention?
#include "lib/core/soundness.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "lib/core/vector_clones.hpp"

namespace attnspec {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// Sum, least, greatest and zeros of a part of a row.
struct PartLook {
  double sum = 0, least = infinity, greatest = -infinity, zeros = 0;

  void add(const PartLook& other) {
    sum += other.sum;
    zeros += other.zeros;
    least = std::min(least, other.least);
    greatest = std::max(greatest, other.greatest);
  }
  bool all_zero() const { return sum == 0 && least == 0 && greatest == 0; }  // NaN is in the sum alone
};

/// Eight lanes in one vector: the compiler makes vectors of neither a least nor a count by itself. NaN moves neither
/// the least nor the greatest.
ATTNSPEC_VECTOR_CLONES
PartLook look_at(const double* entries, std::size_t count) {
  constexpr std::size_t lanes = 8;
  using Lanes [[gnu::vector_size(lanes * sizeof(double))]] = double;
  const Lanes one = Lanes{} + 1.0, none{};
  Lanes sum{}, zeros{}, low = none + infinity, high = none - infinity;
  std::size_t j = 0;
  for (; j + lanes <= count; j += lanes) {
    Lanes entry;
    std::memcpy(&entry, entries + j, sizeof entry);
    sum += entry;
    zeros += entry == none ? one : none;
    low = entry < low ? entry : low;
    high = entry > high ? entry : high;
  }
  PartLook look;
  for (std::size_t k = 0; k < lanes; ++k) look.add({sum[k], low[k], high[k], zeros[k]});
  for (; j < count; ++j)
    look.add(
        {entries[j], std::min(infinity, entries[j]), std::max(-infinity, entries[j]), entries[j] == 0 ? 1.0 : 0.0});
  return look;
}

ATTNSPEC_VECTOR_CLONES
void add_row(const double* row, std::size_t count, double* sums) {
  for (std::size_t j = 0; j < count; ++j) sums[j] += row[j];
}

/// What the mask makes of a row: keys that have left the window, keys up to the query's own, keys after it.
struct RowLook {
  PartLook outside, seen, above;
  std::size_t first = 0, after = 0;  ///< the columns of `seen`
};

RowLook look_at_row(std::span<const double> row, std::size_t i, const Expected& expected) {
  const std::size_t after = std::min(i + 1, row.size());
  const bool windowed = expected.causal && expected.window > 0 && i >= expected.window;
  const std::size_t first = windowed ? std::min(i + 1 - expected.window, after) : 0;
  return {look_at(row.data(), first), look_at(row.data() + first, after - first),
          look_at(row.data() + after, row.size() - after), first, after};
}

/// A second look at a row with an odd entry: counts them, and gives what its finite entries are.
PartLook count_oddities(std::span<const double> row, double tolerance, Soundness& seen) {
  PartLook finite;
  for (const double entry : row) {
    seen.negative += entry < 0;
    seen.above_one += entry > 1 + tolerance;
    seen.minus_infinite += entry == -infinity;
    if (std::isfinite(entry))
      finite.add({entry, entry, entry, 0});
    else
      ++seen.not_finite;
  }
  return finite;
}

/// The whole matrix, row by row.
class Look {
 public:
  Look(MatrixShape shape, const Expected& expected)
      : expected_(expected), rows_(shape.rows), column_sums_(shape.cols, 0.0) {
    seen_.tolerance = expected.tolerance;
    seen_.lower_triangular = true;
    seen_.least_row_sum = infinity;
    seen_.greatest_row_sum = -infinity;
  }

  void row(std::size_t i, std::span<const double> entries) {
    const RowLook look = look_at_row(entries, i, expected_);
    add_row(entries.data(), entries.size(), column_sums_.data());
    behind_the_mask(i, look);
    PartLook whole = look.seen;
    whole.add(look.outside);
    whole.add(look.above);
    const double sum = whole.sum;
    // NaN and Inf survive a sum: Inf - Inf is NaN.
    const bool finite = std::isfinite(sum);
    seen_.zero_rows += finite && whole.all_zero();
    if (!finite || whole.least < 0 || whole.greatest > 1 + expected_.tolerance) {
      const PartLook regular = count_oddities(entries, expected_.tolerance, seen_);
      if (!finite) whole = regular;
    }
    entries_.add(whole);
    row_sum(i, sum, whole.sum);
  }

  Soundness seen() {
    if (rows_ == 0 || column_sums_.empty()) return {};
    seen_.mean_row_sum = entries_.sum / static_cast<double>(rows_);
    if (entries_.least <= entries_.greatest) {
      seen_.least = entries_.least;
      seen_.greatest = entries_.greatest;
    }
    seen_.row_error = std::max(worst_, 0.0);
    for (const double column : column_sums_)
      seen_.worst_column_error = std::max(seen_.worst_column_error, std::isfinite(column) ? std::abs(column - 1) : 1.0);
    return seen_;
  }

 private:
  void behind_the_mask(std::size_t i, const RowLook& look) {
    seen_.visible += expected_.causal ? look.after - look.first : column_sums_.size();
    seen_.zeros += static_cast<std::size_t>(look.seen.zeros + (expected_.causal ? 0 : look.above.zeros));
    seen_.lower_triangular = seen_.lower_triangular && (look.after == column_sums_.size() || look.above.all_zero());
    if (look.above.sum > seen_.above_diagonal) {
      seen_.above_diagonal = look.above.sum;
      seen_.above_diagonal_row = i;
    }
    if (look.outside.sum > seen_.outside_window) {
      seen_.outside_window = look.outside.sum;
      seen_.outside_window_row = i;
    }
  }

  void row_sum(std::size_t i, double sum, double finite_sum) {
    seen_.least_row_sum = std::min(seen_.least_row_sum, finite_sum);
    seen_.greatest_row_sum = std::max(seen_.greatest_row_sum, finite_sum);
    seen_.rows_below += finite_sum < 1 - expected_.tolerance;
    seen_.rows_above += finite_sum > 1 + expected_.tolerance;
    const double off = expected_.row_sum == RowSum::one ? std::abs(sum - 1) : std::max(0.0, sum - 1);
    const double error = std::isfinite(sum) ? off : infinity;
    if (error <= worst_) return;
    worst_ = error;
    seen_.worst_row = i;
    seen_.worst_row_sum = sum;
  }

  const Expected& expected_;
  std::size_t rows_;
  std::vector<double> column_sums_;
  PartLook entries_;
  double worst_ = -1;
  Soundness seen_;
};

}  // namespace

Soundness soundness_of(std::span<const double> matrix, MatrixShape shape, const Expected& expected) {
  Look look(shape, expected);
  for (std::size_t i = 0; i < shape.rows; ++i) look.row(i, matrix.subspan(i * shape.cols, shape.cols));
  return look.seen();
}

}  // namespace attnspec
