// Sums run in an order that the shape alone decides, so that the same card gives the same bits again.
#include <algorithm>

#include "lib/backend/cuda/kernels.hpp"
#include "lib/backend/gpu_kernels/widened.hpp"

namespace attnspec::cuda {
namespace {

constexpr unsigned block = 128;
constexpr unsigned column_tile = 32, row_tile = 8;

template <GpuNumber type>
__global__ void widen_kernel(const void* from, double* to, std::size_t count) {
  const std::size_t stride = static_cast<std::size_t>(gridDim.x) * blockDim.x;
  for (std::size_t i = static_cast<std::size_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count; i += stride)
    to[i] = gpu_kernels::widened<type>(from, i);
}

/// Folds the block's values into the first; `values` holds one a thread.
template <class Fold>
__device__ double folded(double* values, double mine, Fold fold) {
  values[threadIdx.x] = mine;
  __syncthreads();
  for (unsigned half = block / 2; half > 0; half /= 2) {
    if (threadIdx.x < half) values[threadIdx.x] = fold(values[threadIdx.x], values[threadIdx.x + half]);
    __syncthreads();
  }
  const double result = values[0];
  __syncthreads();
  return result;
}

/// A block a row.
__global__ void exponentials_kernel(std::size_t k, double* scores, double* largest, double* sums) {
  __shared__ double shared[block];
  double* row = scores + static_cast<std::size_t>(blockIdx.x) * k;
  double highest = row[0];
  for (std::size_t j = threadIdx.x; j < k; j += block) highest = row[j] > highest ? row[j] : highest;
  highest = folded(shared, highest, [](double a, double b) { return a > b ? a : b; });
  double sum = 0;
  for (std::size_t j = threadIdx.x; j < k; j += block) sum += row[j] = exp(row[j] - highest);
  sum = folded(shared, sum, [](double a, double b) { return a + b; });
  if (threadIdx.x == 0) {
    largest[blockIdx.x] = highest;
    sums[blockIdx.x] = sum;
  }
}

/// A block a row of a head: errors, and their squared norm over each group of columns.
__global__ void errors_kernel(const GpuResidual job) {
  const std::size_t row = blockIdx.x, head = row / job.queries, query = row % job.queries;
  double weight = job.factor;
  if (job.sums != nullptr) weight /= job.sums[row];
  if (job.shifts != nullptr) weight *= exp(job.shifts[row] - job.log_sums[row]);
  double* errors = job.errors + row * job.width;
  for (std::size_t j = threadIdx.x; j < job.width; j += block) {
    const double output = job.outputs == nullptr ? 0 : weight * job.outputs[row * job.width + j];
    errors[j] = output - job.targets[row * job.width + j];
  }
  __syncthreads();
  for (std::size_t group = threadIdx.x; group < job.groups; group += block) {
    double sum = 0;
    for (std::size_t j = group == 0 ? 0 : job.group_ends[group - 1]; j < job.group_ends[group]; ++j)
      sum += errors[j] * errors[j];
    job.rows[(head * job.groups + group) * job.queries + query] = sum;
  }
}

/// A block for some columns of a head: their squared norms.
__global__ void columns_kernel(const GpuResidual job) {
  __shared__ double shared[row_tile][column_tile];
  const std::size_t head = blockIdx.y, column = static_cast<std::size_t>(blockIdx.x) * column_tile + threadIdx.x;
  const double* errors = job.errors + head * job.queries * job.width;
  double sum = 0;
  if (column < job.width)
    for (std::size_t i = threadIdx.y; i < job.queries; i += row_tile) {
      const double error = errors[i * job.width + column];
      sum += error * error;
    }
  shared[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y != 0 || column >= job.width) return;
  for (unsigned i = 1; i < row_tile; ++i) sum += shared[i][threadIdx.x];
  job.columns[head * job.width + column] = sum;
}

}  // namespace

cudaError_t widen(cudaStream_t stream, GpuNumber type, const void* from, double* to, std::size_t count) {
  if (count == 0) return cudaSuccess;
  const std::size_t blocks = std::min<std::size_t>((count + block - 1) / block, 65535);
  const auto launch = [&](auto kernel) {
    kernel<<<static_cast<unsigned>(blocks), block, 0, stream>>>(from, to, count);
  };
  switch (type) {
    case GpuNumber::float64: launch(widen_kernel<GpuNumber::float64>); break;
    case GpuNumber::float32: launch(widen_kernel<GpuNumber::float32>); break;
    case GpuNumber::float16: launch(widen_kernel<GpuNumber::float16>); break;
    case GpuNumber::bfloat16: launch(widen_kernel<GpuNumber::bfloat16>); break;
  }
  return cudaGetLastError();
}

cudaError_t exponentials(cudaStream_t stream, std::size_t rows, std::size_t k, double* scores, double* largest,
                         double* sums) {
  if (rows == 0 || k == 0) return cudaSuccess;
  exponentials_kernel<<<static_cast<unsigned>(rows), block, 0, stream>>>(k, scores, largest, sums);
  return cudaGetLastError();
}

cudaError_t residuals(cudaStream_t stream, const GpuResidual& job) {
  if (job.heads == 0 || job.queries == 0 || job.width == 0) return cudaSuccess;
  errors_kernel<<<static_cast<unsigned>(job.heads * job.queries), block, 0, stream>>>(job);
  if (const cudaError_t status = cudaGetLastError(); status != cudaSuccess) return status;
  // The grid's second side ends at 65535 heads, which no card holds.
  const dim3 grid(static_cast<unsigned>((job.width + column_tile - 1) / column_tile), static_cast<unsigned>(job.heads));
  columns_kernel<<<grid, dim3(column_tile, row_tile), 0, stream>>>(job);
  return cudaGetLastError();
}

}  // namespace attnspec::cuda
