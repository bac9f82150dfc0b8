// The kernels of lib/backend/gpu_kernels on a card: a block of theirs is a block of CUDA threads.
#include <algorithm>
#include <limits>
#include <utility>

#include "lib/backend/cuda/kernels.hpp"
#include "lib/backend/gpu_kernels/attention_rows.hpp"
#include "lib/backend/gpu_kernels/band_chase.hpp"
#include "lib/backend/gpu_kernels/band_reduction.hpp"
#include "lib/backend/gpu_kernels/panel_sweep.hpp"
#include "lib/backend/gpu_kernels/trial_kernels.hpp"
#include "lib/backend/gpu_kernels/tridiagonal_values.hpp"
#include "lib/backend/gpu_kernels/widened.hpp"

namespace attnspec::cuda {
namespace {

struct CudaBlock {
  template <class Phase>
  __device__ void each(const Phase& phase) {
    phase(static_cast<std::size_t>(threadIdx.x));
    __syncthreads();
  }
  template <class Phase>
  __device__ void each_warp(const Phase& phase) {
    phase(static_cast<std::size_t>(threadIdx.x));
    __syncwarp();
  }
};

/// Blocks of a kernel that a processor is to hold at the same time, as the kernel says.
template <class Kernel>
constexpr unsigned blocks_side_by_side = 1;
template <class Kernel>
requires requires { Kernel::side_by_side; }
constexpr unsigned blocks_side_by_side<Kernel> = Kernel::side_by_side;

template <class Kernel>
__global__ void __launch_bounds__(Kernel::threads, blocks_side_by_side<Kernel>)
    in_blocks(const Kernel kernel, std::size_t blocks) {
  extern __shared__ __align__(16) double memory[];
  CudaBlock block;
  for (std::size_t index = blockIdx.x; index < blocks; index += gridDim.x) kernel(block, index, memory);
}

/// Blocks that run at the same time.
template <class Kernel>
cudaError_t places_for(std::size_t memory_bytes, std::size_t& places) {
  int card = 0, processors = 0, on_each = 0;
  for (const cudaError_t status :
       {cudaGetDevice(&card), cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, card),
        cudaOccupancyMaxActiveBlocksPerMultiprocessor(&on_each, in_blocks<Kernel>, Kernel::threads, memory_bytes)})
    if (status != cudaSuccess) return status;
  places = static_cast<std::size_t>(processors) * static_cast<std::size_t>(on_each);
  return places == 0 ? cudaErrorInvalidConfiguration : cudaSuccess;
}

/// Blocks of a kernel that takes long are no more than run at once, and do the work of the others: blocks that wait for
/// a place keep what is on the other stream waiting too, however small.
template <class Kernel>
cudaError_t launch(cudaStream_t stream, const Kernel& kernel) {
  if (kernel.blocks() == 0) return cudaSuccess;
  const std::size_t bytes = kernel.memory_numbers() * sizeof(double);
  constexpr std::size_t without_asking = 48 << 10;
  if (bytes > without_asking) {
    // A processor gives all that it can to blocks' memory, so that blocks of unlike kernels find room side by side.
    for (const auto& [attribute, value] :
         {std::pair{cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(bytes)},
          {cudaFuncAttributePreferredSharedMemoryCarveout, int{cudaSharedmemCarveoutMaxShared}}})
      if (const cudaError_t status = cudaFuncSetAttribute(in_blocks<Kernel>, attribute, value); status != cudaSuccess)
        return status;
  }
  const std::size_t blocks = kernel.blocks();
  std::size_t places = std::numeric_limits<int>::max();
  constexpr bool takes_long = requires { Kernel::takes_long; };
  if constexpr (takes_long)
    if (const cudaError_t status = places_for<Kernel>(bytes, places); status != cudaSuccess) return status;
  in_blocks<<<static_cast<unsigned>(std::min(blocks, places)), Kernel::threads, bytes, stream>>>(kernel, blocks);
  return cudaGetLastError();
}

constexpr unsigned one_by_one = 256;  // threads of a block where each works by itself

unsigned blocks_for(std::size_t count) {
  return static_cast<unsigned>(std::min<std::size_t>((count + one_by_one - 1) / one_by_one, 65535));
}

template <class Work>
__device__ void for_each_number(std::size_t count, Work work) {
  const std::size_t stride = static_cast<std::size_t>(gridDim.x) * blockDim.x;
  for (std::size_t i = static_cast<std::size_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count; i += stride) work(i);
}

template <GpuNumber type>
__global__ void widen_kernel(const void* from, double* to, std::size_t count) {
  for_each_number(count, [=](std::size_t i) { to[i] = gpu_kernels::widened<type>(from, i); });
}

__global__ void transpose_kernel(std::size_t rows, std::size_t cols, std::size_t count, const double* from,
                                 double* to) {
  const std::size_t elements = rows * cols;
  for_each_number(count * elements, [=](std::size_t at) {
    const std::size_t matrix = at / elements, j = at % elements / rows, i = at % rows;
    to[at] = from[matrix * elements + i * cols + j];
  });
}

}  // namespace

cudaError_t widen(cudaStream_t stream, GpuNumber type, const void* from, double* to, std::size_t count) {
  if (count == 0) return cudaSuccess;
  const auto launched = [&](auto kernel) {
    kernel<<<blocks_for(count), one_by_one, 0, stream>>>(from, to, count);
    return cudaGetLastError();
  };
  switch (type) {
    case GpuNumber::float64: return launched(widen_kernel<GpuNumber::float64>);
    case GpuNumber::float32: return launched(widen_kernel<GpuNumber::float32>);
    case GpuNumber::float16: return launched(widen_kernel<GpuNumber::float16>);
    case GpuNumber::bfloat16: return launched(widen_kernel<GpuNumber::bfloat16>);
  }
  return cudaErrorInvalidValue;
}

cudaError_t transpose(cudaStream_t stream, MatrixShape shape, std::size_t count, const double* from, double* to) {
  if (count * shape.elements() == 0) return cudaSuccess;
  transpose_kernel<<<blocks_for(count * shape.elements()), one_by_one, 0, stream>>>(shape.rows, shape.cols, count, from,
                                                                                    to);
  return cudaGetLastError();
}

cudaError_t attention(cudaStream_t stream, const GpuAttention& job) {
  return launch(stream, gpu_kernels::AttentionRows{job});
}

cudaError_t panel_factors(cudaStream_t stream, const GpuPanel& job) {
  return gpu_kernels::with_width(job.width,
                                 [&](auto width) { return launch(stream, gpu_kernels::PanelFactors<width()>{job}); });
}

cudaError_t panel_sweep(cudaStream_t stream, const GpuPanel& job) {
  return gpu_kernels::with_width(job.width,
                                 [&](auto width) { return launch(stream, gpu_kernels::PanelSweep<width()>{job}); });
}

cudaError_t panel_correction(cudaStream_t stream, const GpuPanel& job) {
  return gpu_kernels::with_width(
      job.width, [&](auto width) { return launch(stream, gpu_kernels::PanelCorrection<width()>{job}); });
}

cudaError_t chase(cudaStream_t stream, const GpuChase& job) {
  return gpu_kernels::with_chase(job, [&](const auto& kernel) { return launch(stream, kernel); });
}

cudaError_t tridiagonal_values(cudaStream_t stream, const GpuTridiagonals& job) {
  return launch(stream, gpu_kernels::TridiagonalValues{job});
}

cudaError_t exponentials(cudaStream_t stream, std::size_t rows, std::size_t k, double* scores, double* largest,
                         double* sums) {
  if (k == 0) return cudaSuccess;
  return launch(stream, gpu_kernels::ExponentialRows{rows, k, scores, largest, sums});
}

cudaError_t residuals(cudaStream_t stream, const GpuResidual& job) {
  const cudaError_t status = launch(stream, gpu_kernels::ResidualRows{job});
  return status == cudaSuccess ? launch(stream, gpu_kernels::ResidualColumns{job}) : status;
}

}  // namespace attnspec::cuda
