// How far a stored P lies from the P that the stored Q and K give, and how far rounding may take it.
#pragma once

#include <cstddef>

#include "lib/core/export.hpp"
#include "lib/dump/head_reader.hpp"

namespace attnspec {

/// Up to which difference of P and softmax(scale Q K^T) rounding is to blame: four times what real models show in the
/// coarser of their two types.
ATTNSPEC_API double query_key_tolerance(const DumpInfo& info);

struct QueryKeyResidual {
  double largest = 0;
  std::size_t row = 0, col = 0;  ///< where, from 0
};

/// The largest difference of P and the P that query, key and bias give under the layer's rule, mask and all.
/// `inputs` holds query and key, and a P that is finite.
ATTNSPEC_API QueryKeyResidual query_key_residual(const DumpInfo& info, const HeadInputs& inputs);

}  // namespace attnspec
