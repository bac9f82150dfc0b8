// cuSOLVER's part of the device: a call for all matrices, or a call each on streams beside.
#include <algorithm>

#include "lib/backend/cuda/device.hpp"

namespace attnspec::cuda {
namespace {

std::size_t aligned(std::size_t bytes) { return (bytes + 255) / 256 * 256; }
std::int64_t wide(std::size_t number) { return static_cast<std::int64_t>(number); }

}  // namespace

Device::Workspace Device::one_eigenproblem(std::size_t n) {
  Workspace one;
  check(("cusolverDnXsyevd_bufferSize for n = " + std::to_string(n)).c_str(),
        cusolverDnXsyevd_bufferSize(at(0).solver, params_, CUSOLVER_EIG_MODE_NOVECTOR, CUBLAS_FILL_MODE_LOWER, wide(n),
                                    CUDA_R_64F, nullptr, wide(n), CUDA_R_64F, nullptr, CUDA_R_64F, &one.on_device,
                                    &one.on_host));
  return one;
}

Device::Workspace Device::one_decomposition(MatrixShape shape) {
  Workspace one;
  const std::int64_t m = wide(shape.cols), n = wide(shape.rows);
  check("cusolverDnXgesvd_bufferSize",
        cusolverDnXgesvd_bufferSize(at(0).solver, params_, 'N', 'N', m, n, CUDA_R_64F, nullptr, m, CUDA_R_64F, nullptr,
                                    CUDA_R_64F, nullptr, m, CUDA_R_64F, nullptr, n, CUDA_R_64F, &one.on_device,
                                    &one.on_host));
  return one;
}

std::size_t Device::eigenvalue_workspace(GpuEigenRoute route, std::size_t n, std::size_t count) {
  if (route == GpuEigenRoute::apart) {
    make_helpers();
    return helpers * aligned(one_eigenproblem(n).on_device);
  }
  std::size_t on_device = 0, on_host = 0;
  check("cusolverDnXsyevBatched_bufferSize",
        cusolverDnXsyevBatched_bufferSize(at(0).solver, params_, CUSOLVER_EIG_MODE_NOVECTOR, CUBLAS_FILL_MODE_LOWER,
                                          wide(n), CUDA_R_64F, nullptr, wide(n), CUDA_R_64F, nullptr, CUDA_R_64F,
                                          &on_device, &on_host, wide(count)));
  return on_device;
}

/// Made when workspace is asked for: a solver's handle takes some of the card's memory, and not every run needs them.
void Device::make_helpers() {
  for (auto& beside : helpers_)
    for (std::unique_ptr<Stream>& one : beside)
      if (!one) one = counted_stream(0);
}

/// A solver may work on its host memory after its call has returned: nothing is under way when the next one gets it.
void Device::room_on_host(Stream& stream, std::size_t bytes) {
  if (bytes == 0) return;
  check("cudaStreamSynchronize", cudaStreamSynchronize(stream.stream));
  stream.host_workspace.resize(std::max(stream.host_workspace.size(), bytes));
}

/// Calls `call(helper, index, its workspace)` for each matrix, on the streams beside `stream`, between what was queued
/// there before and what will be.
template <class Call>
void Device::spread(unsigned stream, std::size_t count, const Workspace& one, void* workspace, Call call) {
  make_helpers();
  check("cudaEventRecord", cudaEventRecord(at(stream).event, at(stream).stream));
  for (std::size_t i = 0; i < helpers; ++i) {
    Stream& beside = *helpers_[stream][i];
    check("cudaStreamWaitEvent", cudaStreamWaitEvent(beside.stream, at(stream).event, 0));
    room_on_host(beside, one.on_host);
  }
  for (std::size_t index = 0; index < count; ++index) {
    const std::size_t i = index % helpers;
    Stream& beside = *helpers_[stream][i];
    std::byte* its_workspace = static_cast<std::byte*>(workspace) + i * aligned(one.on_device);
    if (index >= helpers) {  // the last call's leavings; the caller has zeroed it for the first
      room_on_host(beside, one.on_host);
      check("cudaMemsetAsync", cudaMemsetAsync(its_workspace, 0, one.on_device, beside.stream));
    }
    call(beside, index, its_workspace);
  }
  for (std::size_t i = 0; i < helpers; ++i) {
    Stream& beside = *helpers_[stream][i];
    check("cudaEventRecord", cudaEventRecord(beside.event, beside.stream));
    check("cudaStreamWaitEvent", cudaStreamWaitEvent(at(stream).stream, beside.event, 0));
  }
}

void Device::eigenvalues(unsigned stream, GpuEigenRoute route, std::size_t n, std::size_t count, double* matrices,
                         double* values, int* info, void* workspace, std::size_t workspace_bytes) {
  if (route == GpuEigenRoute::apart) {
    const Workspace one = one_eigenproblem(n);
    spread(stream, count, one, workspace, [&](Stream& here, std::size_t index, void* its_workspace) {
      check("cusolverDnXsyevd",
            cusolverDnXsyevd(here.solver, params_, CUSOLVER_EIG_MODE_NOVECTOR, CUBLAS_FILL_MODE_LOWER, wide(n),
                             CUDA_R_64F, matrices + index * n * n, wide(n), CUDA_R_64F, values + index * n, CUDA_R_64F,
                             its_workspace, one.on_device, here.host_workspace.data(), one.on_host, info + index));
    });
    return;
  }
  Stream& here = at(stream);
  std::size_t on_device = 0, on_host = 0;
  check("cusolverDnXsyevBatched_bufferSize",
        cusolverDnXsyevBatched_bufferSize(here.solver, params_, CUSOLVER_EIG_MODE_NOVECTOR, CUBLAS_FILL_MODE_LOWER,
                                          wide(n), CUDA_R_64F, matrices, wide(n), CUDA_R_64F, values, CUDA_R_64F,
                                          &on_device, &on_host, wide(count)));
  if (on_device > workspace_bytes) fail("cusolverDnXsyevBatched", "wants more workspace for fewer matrices");
  room_on_host(here, on_host);
  check("cusolverDnXsyevBatched",
        cusolverDnXsyevBatched(here.solver, params_, CUSOLVER_EIG_MODE_NOVECTOR, CUBLAS_FILL_MODE_LOWER, wide(n),
                               CUDA_R_64F, matrices, wide(n), CUDA_R_64F, values, CUDA_R_64F, workspace,
                               workspace_bytes, here.host_workspace.data(), on_host, info, wide(count)));
}

std::size_t Device::singular_value_workspace(MatrixShape shape, std::size_t) {
  make_helpers();
  return helpers * aligned(one_decomposition(shape).on_device);
}

void Device::singular_values(unsigned stream, MatrixShape shape, std::size_t count, double* matrices, double* values,
                             int* info, void* workspace, std::size_t) {
  const Workspace one = one_decomposition(shape);
  const std::int64_t m = wide(shape.cols), n = wide(shape.rows);
  spread(stream, count, one, workspace, [&](Stream& here, std::size_t index, void* its_workspace) {
    check("cusolverDnXgesvd",
          cusolverDnXgesvd(here.solver, params_, 'N', 'N', m, n, CUDA_R_64F, matrices + index * shape.elements(), m,
                           CUDA_R_64F, values + index * shape.rows, CUDA_R_64F, nullptr, m, CUDA_R_64F, nullptr, n,
                           CUDA_R_64F, its_workspace, one.on_device, here.host_workspace.data(), one.on_host,
                           info + index));
  });
}

}  // namespace attnspec::cuda
