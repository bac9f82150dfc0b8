// The three stages one after another. Included once for every instruction set.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "lib/backend/lanes/band_to_bidiagonal.hpp"
#include "lib/backend/lanes/bidiagonal_values.hpp"
#include "lib/backend/lanes/dense_to_band.hpp"
#include "lib/backend/lanes/direct32.hpp"

namespace attnspec::ATTNSPEC_LANES {

template <int rows, int b>
class Route final : public Direct32 {
  static constexpr std::size_t chased = double_lanes;  // matrices that are chased together
  using Dense = DenseToBand<rows, b>;
  using Chase = BandToBidiagonal<b>;
  using Values = BidiagonalValues<static_cast<int>(most_matrices / double_lanes)>;
  static_assert(chased % Dense::matrices == 0 && Values::matrices == most_matrices);

 public:
  explicit Route(std::size_t n)
      : n_(static_cast<int>(n)),
        dense_(n_),
        band_(Chase::vectors(n_)),
        diagonal_(n),
        off_diagonal_(n),
        diagonals_(n * most_matrices / double_lanes),
        off_diagonals_(n * most_matrices / double_lanes),
        values_(n_),
        zeros_(n) {}

  std::uint64_t run(std::size_t count, const std::function<const float*(std::size_t m)>& matrix,
                    double* values) override {
    diagonals_.clear();
    off_diagonals_.clear();
    for (std::size_t first = 0; first < count; first += chased) {
      band_.clear();
      for (std::size_t group = first; group < std::min(count, first + chased); group += Dense::matrices)
        reduce(group, count, first, matrix);
      Chase::run(n_, band_.get(), diagonal_.get(), off_diagonal_.get());
      spread(diagonal_, diagonals_, first, n_);
      spread(off_diagonal_, off_diagonals_, first, n_ - 1);
    }
    return values_.run(reinterpret_cast<const double*>(diagonals_.get()),
                       reinterpret_cast<const double*>(off_diagonals_.get()), values);
  }

 private:
  /// Dense to band for the matrices from `group` on.
  void reduce(std::size_t group, std::size_t count, std::size_t first,
              const std::function<const float*(std::size_t m)>& matrix) {
    for (int m = 0; m < Dense::matrices; ++m) {
      const std::size_t index = group + static_cast<std::size_t>(m);
      const float* entries = index < count ? matrix(index) : nullptr;
      for (int c = 0; c < n_; ++c)  // a row here is a column there: the same singular values
        dense_.load(c, m, entries == nullptr ? zeros_.data() : entries + static_cast<std::size_t>(c) * zeros_.size());
    }
    double* to = reinterpret_cast<double*>(band_.get()) + (group - first);
    dense_.run([&](int row, int column, const float* entries) {
      double* at = to + Chase::place(row, column) * double_lanes;
      for (int m = 0; m < Dense::matrices; ++m) at[m] = static_cast<double>(entries[m]);
    });
  }

  static void spread(VectorBlock<Doubles>& from, VectorBlock<Doubles>& to, std::size_t first, int count) {
    for (int i = 0; i < count; ++i)
      to.get()[(static_cast<std::size_t>(i) * most_matrices + first) / double_lanes] = from.get()[i];
  }

  const int n_;
  Dense dense_;
  VectorBlock<Doubles> band_, diagonal_, off_diagonal_, diagonals_, off_diagonals_;
  Values values_;
  std::vector<float> zeros_;
};

}  // namespace attnspec::ATTNSPEC_LANES
