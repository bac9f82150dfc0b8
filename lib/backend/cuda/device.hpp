// An NVIDIA card by the CUDA runtime, cuBLAS and cuSOLVER.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "lib/backend/cuda/check.hpp"
#include "lib/backend/cuda/copy_clock.hpp"
#include "lib/backend/gpu_device.hpp"

namespace attnspec::cuda {

/// One cudaStream_t with the library handles that work on it.
class Stream {
 public:
  /// `blas_bytes`: of the card's memory for the workspace of a cuBLAS handle; 0: there is none.
  explicit Stream(std::size_t blas_bytes);
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream();

  cudaStream_t stream = nullptr;
  cudaEvent_t event = nullptr;
  cublasHandle_t blas = nullptr;
  cusolverDnHandle_t solver = nullptr;
  void* blas_workspace = nullptr;
  std::vector<std::byte> host_workspace;  ///< of the solver; calls of one stream share it

 private:
  Stream() = default;  ///< whole, so that what the other one made goes where it throws half-way
};

class Device final : public GpuDevice {
 public:
  Device();
  ~Device() override;

  GpuFacts facts() override { return facts_; }
  std::size_t library_bytes() override { return library_bytes_; }
  void* allocate(std::size_t bytes) override;
  void release(void* memory) noexcept override;
  void* allocate_on_host(std::size_t bytes) override;
  void release_on_host(void* memory) noexcept override;
  void upload(unsigned stream, void* to, const void* from, std::size_t bytes) override;
  void download(unsigned stream, void* to, const void* from, std::size_t bytes) override;
  void fill_zero(unsigned stream, void* memory, std::size_t bytes) override;
  void wait(unsigned stream) override;
  void time_copies() override;
  double seconds_copying() override;
  void widen(unsigned stream, GpuNumber type, const void* from, double* to, std::size_t count) override;
  void transpose(unsigned stream, MatrixShape shape, std::size_t count, const double* from, double* to) override;
  void attention(unsigned stream, const GpuAttention& job) override;
  void multiply(unsigned stream, const GpuProduct& product) override;
  std::size_t block_memory() override;
  void panel_factors(unsigned stream, const GpuPanel& job) override;
  void panel_sweep(unsigned stream, const GpuPanel& job) override;
  void panel_correction(unsigned stream, const GpuPanel& job) override;
  void chase(unsigned stream, const GpuChase& job) override;
  void tridiagonal_values(unsigned stream, const GpuTridiagonals& job) override;
  std::size_t eigenvalue_workspace(GpuEigenRoute route, std::size_t n, std::size_t count) override;
  void eigenvalues(unsigned stream, GpuEigenRoute route, std::size_t n, std::size_t count, double* matrices,
                   double* values, int* info, void* workspace, std::size_t workspace_bytes) override;
  std::size_t singular_value_workspace(MatrixShape shape, std::size_t count) override;
  void singular_values(unsigned stream, MatrixShape shape, std::size_t count, double* matrices, double* values,
                       int* info, void* workspace, std::size_t workspace_bytes) override;
  void exponentials(unsigned stream, std::size_t rows, std::size_t k, double* scores, double* largest,
                    double* sums) override;
  void residuals(unsigned stream, const GpuResidual& job) override;

 private:
  /// Streams beside each of ours for solvers that take one matrix a call.
  static constexpr std::size_t helpers = 4;

  struct Workspace {
    std::size_t on_device = 0, on_host = 0;
  };
  void copy(const char* what, unsigned stream, void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind);
  Workspace one_eigenproblem(std::size_t n);
  Workspace one_decomposition(MatrixShape shape);
  static void room_on_host(Stream& stream, std::size_t bytes);
  template <class Call>
  void spread(unsigned stream, std::size_t count, const Workspace& one, void* workspace, Call call);
  std::unique_ptr<Stream> counted_stream(std::size_t blas_bytes);
  void make_helpers();
  Stream& at(unsigned stream) { return *streams_[stream]; }

  std::array<std::unique_ptr<Stream>, GpuDevice::streams> streams_;
  std::array<std::array<std::unique_ptr<Stream>, helpers>, GpuDevice::streams> helpers_;
  std::unique_ptr<CopyClock> copy_clock_;  ///< null: nobody asked
  cusolverDnParams_t params_ = nullptr;
  std::size_t library_bytes_ = 0;
  GpuFacts facts_;
};

}  // namespace attnspec::cuda
