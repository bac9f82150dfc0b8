// The stages one after another. Included once for every instruction set.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

#include "lib/backend/lanes/band_to_bidiagonal.hpp"
#include "lib/backend/lanes/bidiagonal_values.hpp"
#include "lib/backend/lanes/dense_to_band.hpp"
#include "lib/backend/lanes/direct32.hpp"
#include "lib/backend/lanes/loading.hpp"

namespace attnspec::ATTNSPEC_LANES {

/// `in_flight`: matrices whose values are found together in the last stage.
template <int rows, int b, int in_flight>
class Route final : public Direct32 {
  static constexpr std::size_t chased = double_lanes;  // matrices that are chased together
  using Dense = DenseToBand<rows, b>;
  using Chase = BandToBidiagonal<b>;
  using Values = BidiagonalValues<in_flight / static_cast<int>(double_lanes)>;
  static_assert(chased % Dense::matrices == 0 && in_flight % chased == 0);

  static int padded(std::size_t side) {
    constexpr std::size_t unit = std::max({rows, b, 4});
    return static_cast<int>((side + unit - 1) / unit * unit);
  }

 public:
  explicit Route(MatrixShape shape)
      : n_(static_cast<int>(shape.rows)),
        width_(padded(shape.rows)),
        dense_(padded(shape.cols), width_),
        loading_(static_cast<int>(shape.cols), n_, padded(shape.cols) / rows, dense_.stride()),
        band_(Chase::vectors(width_)),
        diagonal_(shape.rows + 2 * b + rows),
        off_diagonal_(shape.rows + 2 * b + rows),
        diagonals_(diagonal_.size() * in_flight / double_lanes),
        off_diagonals_(diagonal_.size() * in_flight / double_lanes),
        values_(n_) {}

  std::uint64_t run(std::span<const EntriesAt> matrices, const Instead& instead, double* values) override {
    std::uint64_t failed = 0;
    for (std::size_t first = 0; first < matrices.size(); first += in_flight) {
      const std::size_t count = std::min<std::size_t>(in_flight, matrices.size() - first);
      diagonals_.clear();
      off_diagonals_.clear();
      for (std::size_t chase = first; chase < first + count; chase += chased) {
        band_.clear();
        for (std::size_t group = chase; group < std::min(first + count, chase + chased); group += Dense::matrices)
          reduce(group, group - chase, matrices, instead);
        Chase::run(width_, band_.get(), diagonal_.get(), off_diagonal_.get());
        spread(diagonal_, diagonals_, chase - first, n_);
        spread(off_diagonal_, off_diagonals_, chase - first, n_ - 1);
      }
      double* to = values + first * static_cast<std::size_t>(n_);
      failed |= values_.run(reinterpret_cast<const double*>(diagonals_.get()),
                            reinterpret_cast<const double*>(off_diagonals_.get()), to, static_cast<int>(count))
                << first;
    }
    return failed;
  }

 private:
  /// Dense to band for the matrices from `group` on, into the lanes of the band from `lane` on.
  void reduce(std::size_t group, std::size_t lane, std::span<const EntriesAt> matrices, const Instead& instead) {
    load(group, matrices, instead);
    double* to = reinterpret_cast<double*>(band_.get()) + lane;
    dense_.run([&](int row, int column, const float* entries) {
      double* at = to + Chase::place(row, column) * double_lanes;
      for (int m = 0; m < Dense::matrices; ++m) at[m] = static_cast<double>(entries[m]);
    });
  }

  void load(std::size_t group, std::span<const EntriesAt> matrices, const Instead& instead) {
    const auto here = matrices.subspan(group, std::min<std::size_t>(Dense::matrices, matrices.size() - group));
    Floats* to = dense_.columns();
    const auto seen = here.front().halves != nullptr ? load_all(here, &EntriesAt::halves, to)
                                                     : load_all(here, &EntriesAt::doubles, to);
    for (std::size_t m = 0; m < here.size(); ++m)
      if (const auto other = instead(group + m, seen[m])) loading_.load_one(static_cast<int>(m), *other, to);
    for (int c = n_; c < width_; ++c)
      std::fill_n(to + static_cast<std::size_t>(c) * dense_.stride(), dense_.stride(), Floats{});
  }

  template <class Entry>
  auto load_all(std::span<const EntriesAt> here, const Entry* EntriesAt::*kind, Floats* to) {
    const Entry* any = nullptr;
    for (const EntriesAt& at : here) any = at.*kind != nullptr ? at.*kind : any;
    typename Loading<rows>::template Group<Entry> from;
    from.fill(any);  // a lane with nothing to do does what its neighbour does
    for (std::size_t m = 0; m < here.size(); ++m)
      if (here[m].*kind != nullptr) from[m] = here[m].*kind;
    return any == nullptr ? typename Loading<rows>::Sights{} : loading_.load(from, to);
  }

  static void spread(VectorBlock<Doubles>& from, VectorBlock<Doubles>& to, std::size_t first, int count) {
    for (int i = 0; i < count; ++i)
      to.get()[(static_cast<std::size_t>(i) * in_flight + first) / double_lanes] = from.get()[i];
  }

  const int n_, width_;
  Dense dense_;
  Loading<rows> loading_;
  VectorBlock<Doubles> band_, diagonal_, off_diagonal_, diagonals_, off_diagonals_;
  Values values_;
};

}  // namespace attnspec::ATTNSPEC_LANES
