// The stages of the Gram route one after another. Included once for every instruction set.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>

#include "lib/backend/lanes/band_to_tridiagonal.hpp"
#include "lib/backend/lanes/bidiagonal_values.hpp"
#include "lib/backend/lanes/gram.hpp"
#include "lib/backend/lanes/gram_product.hpp"
#include "lib/backend/lanes/symmetric_to_band.hpp"

namespace attnspec::ATTNSPEC_LANES {

/// `in_flight`: matrices whose values are found together in the last stage.
template <int b, int in_flight>
class GramRoute final : public GramLanes {
  static constexpr std::size_t chased = double_lanes;  // matrices that are chased together
  using Chase = BandToTridiagonal<b>;
  using Values = BidiagonalValues<in_flight / static_cast<int>(double_lanes)>;
  static_assert(in_flight % chased == 0);

  static constexpr int unit = std::max(1, b / tile);
  static int padded(int side) { return (side + unit - 1) / unit * unit; }

 public:
  explicit GramRoute(MatrixShape shape)
      : n_(static_cast<int>(shape.smaller_side())),
        product_(static_cast<int>(shape.rows), static_cast<int>(shape.cols)),
        gram_(padded(product_.side())),
        reduction_(gram_.side()),
        band_(Chase::vectors(gram_.side() * tile)),
        diagonal_(shape.smaller_side()),
        off_diagonal_(shape.smaller_side()),
        diagonals_(shape.smaller_side() * in_flight / double_lanes),
        off_diagonals_(shape.smaller_side() * in_flight / double_lanes),
        values_(n_) {}

  void run(std::span<const EntriesAt> matrices, std::span<GramOutcome> outcomes, double* values) override {
    for (std::size_t first = 0; first < matrices.size(); first += in_flight) {
      const std::size_t count = std::min<std::size_t>(in_flight, matrices.size() - first);
      double scales[in_flight];
      diagonals_.clear();
      off_diagonals_.clear();
      for (std::size_t chase = first; chase < first + count; chase += chased) {
        band_.clear();
        for (std::size_t m = chase; m < std::min(first + count, chase + chased); ++m)
          scales[m - first] = reduce(matrices[m], m - chase, outcomes[m]);
        Chase::run(n_, band_.get(), diagonal_.get(), off_diagonal_.get());
        spread(diagonal_, diagonals_, chase - first, n_);
        spread(off_diagonal_, off_diagonals_, chase - first, n_ - 1);
      }
      double* to = values + first * static_cast<std::size_t>(n_);
      const std::uint64_t failed =
          values_.run_symmetric(reinterpret_cast<const double*>(diagonals_.get()),
                                reinterpret_cast<const double*>(off_diagonals_.get()), to, static_cast<int>(count));
      for (std::size_t m = 0; m < count; ++m) {
        outcomes[first + m].converged = (failed >> m & 1) == 0;
        if (scales[m] == 1) continue;
        double* of_one = to + m * static_cast<std::size_t>(n_);
        for (int i = 0; i < n_; ++i) of_one[i] *= scales[m];
      }
    }
  }

 private:
  /// The band of one matrix's Gram matrix over a power of four, into a lane; what sigma is to be multiplied by.
  double reduce(const EntriesAt& entries, std::size_t lane, GramOutcome& outcome) {
    outcome.squares = product_.run(entries, gram_);
    outcome.in_reach = outcome.squares > 0x1p-600 && outcome.squares < 0x1p600;
    if (!outcome.in_reach) return 1;
    // The kernels drop what is next to nothing beside a trace between 1 and 2^60. Attention has 1 to n.
    double scale = 1;
    if (outcome.squares < 1 || outcome.squares > 0x1p60) {
      scale = std::ldexp(1.0, std::ilogb(outcome.squares) / 2 - 1);
      const Doubles factor = all(1 / (scale * scale));
      for (Doubles& x : std::span(gram_.begin(), gram_.size())) x *= factor;
    }
    double* to = reinterpret_cast<double*>(band_.get()) + lane;
    reduction_.run(gram_,
                   [to](int row, int column, double entry) { to[Chase::place(row, column) * double_lanes] = entry; });
    return scale;
  }

  static void spread(VectorBlock<Doubles>& from, VectorBlock<Doubles>& to, std::size_t first, int count) {
    for (int i = 0; i < count; ++i)
      to.get()[(static_cast<std::size_t>(i) * in_flight + first) / double_lanes] = from.get()[i];
  }

  const int n_;
  GramProduct product_;
  SymmetricTiles gram_;
  SymmetricToBand<b> reduction_;
  VectorBlock<Doubles> band_, diagonal_, off_diagonal_, diagonals_, off_diagonals_;
  Values values_;
};

}  // namespace attnspec::ATTNSPEC_LANES
