// Stage 0: matrices in double or half precision to columns of single precision in the lanes, and what is seen on the
// way, in one walk over memory.
#pragma once

#include <algorithm>
#include <array>

#include "lib/backend/lanes/direct32.hpp"
#include "lib/backend/lanes/row_lanes.hpp"

namespace attnspec::ATTNSPEC_LANES {

template <int rows>
class Loading {
  using Rows = RowLanes<rows>;

 public:
  static constexpr int matrices = Rows::matrices;
  template <class Entry>
  using Group = std::array<const Entry*, static_cast<std::size_t>(matrices)>;
  using Sights = std::array<Sight, static_cast<std::size_t>(matrices)>;

  /// Matrices of `width` rows of `height` entries: a row there is a column here, padded with zeros to `vectors`
  /// vectors.
  Loading(int height, int width, int vectors, std::size_t stride)
      : height_(height),
        width_(width),
        vectors_(vectors),
        stride_(stride),
        chunks_((height + lanes - 1) / lanes),
        sums_(static_cast<std::size_t>(chunks_ * matrices) * 2) {}

  /// All lanes; nothing of it may be null.
  template <class Entry>
  Sights load(const Group<Entry>& from, Floats* to) {
    const typename Rows::Tables& k = Rows::tables();
    sums_.clear();
    Doubles squares[matrices][2] = {};
    const int full = std::min(height_ / lanes, vectors_ / matrices);
    for (int c = 0; c < width_; ++c) {
      Floats* column = to + static_cast<std::size_t>(c) * stride_;
      const Entry* rows_there[matrices];
      for (int m = 0; m < matrices; ++m)
        rows_there[m] = from[static_cast<std::size_t>(m)] + static_cast<std::ptrdiff_t>(c) * height_;
      Doubles* sums = sums_.get();
      for (int chunk = 0; chunk < full; ++chunk, sums += 2 * matrices) {
        Floats x[matrices];
        ATTNSPEC_UNROLL for (int m = 0; m < matrices; ++m) x[m] =
            take(rows_there[m] + chunk * lanes, sums + 2 * m, squares[m]);
        Rows::interleave(k, x);
        ATTNSPEC_UNROLL for (int p = 0; p < matrices; ++p) column[chunk * matrices + p] = x[p];
      }
      int done = full * matrices;
      if (full < chunks_) {
        Floats x[matrices];
        for (int m = 0; m < matrices; ++m) {
          Entry some[float_lanes] = {};
          std::copy_n(rows_there[m] + full * lanes, height_ - full * lanes, some);
          x[m] = take(some, sums + 2 * m, squares[m]);
        }
        Rows::interleave(k, x);
        for (int p = 0; p < matrices && done < vectors_; ++p) column[done++] = x[p];
      }
      for (; done < vectors_; ++done) column[done] = Floats{};
    }
    Sights seen{};
    for (int m = 0; m < matrices; ++m) {
      Doubles mean{};
      for (int chunk = 0; chunk < chunks_; ++chunk) {
        const Doubles* sums = sums_.get() + (chunk * matrices + m) * 2;
        mean += sums[0] * sums[0] + sums[1] * sums[1];
      }
      seen[static_cast<std::size_t>(m)] = {total(squares[m][0] + squares[m][1]), total(mean) / width_};
    }
    return seen;
  }

  /// One matrix among the others; null: zeros.
  void load_one(int m, const double* entries, Floats* to) const {
    for (int c = 0; c < width_; ++c) {
      float* column = reinterpret_cast<float*>(to + static_cast<std::size_t>(c) * stride_) + m;
      for (int i = 0; i < height_; ++i)
        column[i * matrices] = entries == nullptr ? 0.0F : static_cast<float>(*entries++);
    }
  }

 private:
  static constexpr int lanes = static_cast<int>(float_lanes);

  static Floats take(const double* entries, Doubles* sums, Doubles* squares) {
    const WideFloats wide = wide_floats_at(entries);
    see(wide, sums, squares);
    return narrow(wide);
  }
  static Floats take(const std::uint16_t* entries, Doubles* sums, Doubles* squares) {
    const Floats x = floats_of_halves(entries);
    see(widened(x), sums, squares);
    return x;
  }

  static void see(WideFloats wide, Doubles* sums, Doubles* squares) {
    sums[0] += wide.low;
    sums[1] += wide.high;
    squares[0] += wide.low * wide.low;
    squares[1] += wide.high * wide.high;
  }

  static double total(Doubles x) {
    double sum = 0;
    for (int lane = 0; lane < static_cast<int>(double_lanes); ++lane) sum += x[lane];
    return sum;
  }

  const int height_, width_, vectors_;
  const std::size_t stride_;
  const int chunks_;
  VectorBlock<Doubles> sums_;  ///< of columns there, by chunk and matrix
};

}  // namespace attnspec::ATTNSPEC_LANES
