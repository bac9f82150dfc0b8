// A fixed number of matrices for every call of cuBLAS and cuSOLVER: they may choose another algorithm for another
// number, and a matrix is to have the same bits whoever is beside it.
#pragma once

#include <cstddef>

#include "lib/backend/gpu_device.hpp"
#include "lib/core/export.hpp"
#include "lib/core/matrix_shape.hpp"

namespace attnspec {

/// How many matrices of this shape one call takes, by the shape alone: a power of two, so that shortage halves it, and
/// not 1, so that every call's matrices begin at a multiple of 16 bytes as the first one's do (alignment chooses
/// algorithms too). `by_solver`: not only products are made of so many, a solver takes them in one call as well.
ATTNSPEC_API std::size_t matrices_a_call(MatrixShape shape, bool by_solver);

/// `count` rounded up to whole calls.
constexpr std::size_t in_whole_calls(std::size_t count, std::size_t a_call) {
  return (count + a_call - 1) / a_call * a_call;
}

/// As GpuDevice::multiply, `a_call` pairs a call. Where product.count is no multiple of it the last call goes on behind
/// the last pair: memory is there for in_whole_calls(count), and what comes to lie there is of no interest.
ATTNSPEC_API void multiply_in_calls(GpuDevice& device, unsigned stream, GpuProduct product, std::size_t a_call);

}  // namespace attnspec
