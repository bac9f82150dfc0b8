// The thin layer: a function of ours, a call of theirs. Row-major matrices are handed over as column-major transposes.
#include "lib/backend/cuda/device.hpp"

#include <algorithm>
#include <cstdlib>
#include <limits>

#include "lib/backend/cuda/kernels.hpp"

namespace attnspec::cuda {
namespace {

std::string version_text(int version) {  // 13010 is 13.1
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

std::string version_text(int version, int major) {  // 130100 is 13.1.0 where `major` is 10000
  return std::to_string(version / major) + "." + std::to_string(version % major / 100) + "." +
         std::to_string(version % 100);
}

int whole(std::size_t number) {
  if (number > static_cast<std::size_t>(std::numeric_limits<int>::max())) fail("cuBLAS", "a size beyond 32 bits");
  return static_cast<int>(number);
}
long long long_whole(std::size_t number) { return static_cast<long long>(number); }

/// NVIDIA's advice for cublasSetWorkspace.
std::size_t blas_workspace_bytes() {
  int generation = 0;
  check("cudaDeviceGetAttribute", cudaDeviceGetAttribute(&generation, cudaDevAttrComputeCapabilityMajor, 0));
  constexpr int hopper = 9;
  return (generation < hopper ? std::size_t{4} : std::size_t{32}) << 20;
}

std::size_t free_bytes() {
  std::size_t free = 0, total = 0;
  check("cudaMemGetInfo", cudaMemGetInfo(&free, &total));
  return free;
}

GpuFacts read_facts(const Stream& any) {
  GpuFacts facts;
  cudaDeviceProp properties{};
  check("cudaGetDeviceProperties", cudaGetDeviceProperties(&properties, 0));
  check("cudaMemGetInfo", cudaMemGetInfo(&facts.free_bytes, &facts.total_bytes));
  int driver = 0, runtime = 0, blas = 0, solver = 0;
  check("cudaDriverGetVersion", cudaDriverGetVersion(&driver));
  check("cudaRuntimeGetVersion", cudaRuntimeGetVersion(&runtime));
  check("cublasGetVersion", cublasGetVersion(any.blas, &blas));
  check("cusolverGetVersion", cusolverGetVersion(&solver));
  facts.name = properties.name;
  facts.capability = std::to_string(properties.major) + "." + std::to_string(properties.minor);
  facts.driver = version_text(driver);
  facts.libraries = "CUDA " + version_text(runtime) + ", cuBLAS " + version_text(blas, 10000) + ", cuSOLVER " +
                    version_text(solver, 1000);
  return facts;
}

}  // namespace

Stream::Stream(std::size_t blas_bytes) : Stream() {
  check("cudaStreamCreateWithFlags", cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  check("cudaEventCreateWithFlags", cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
  if (blas_bytes > 0) {
    check("cublasCreate", cublasCreate(&blas));
    check("cublasSetStream", cublasSetStream(blas, stream));
    check("cudaMalloc", cudaMalloc(&blas_workspace, blas_bytes));
    check("cublasSetWorkspace", cublasSetWorkspace(blas, blas_workspace, blas_bytes));  // a new stream would undo it
  }
  check("cusolverDnCreate", cusolverDnCreate(&solver));
  check("cusolverDnSetStream", cusolverDnSetStream(solver, stream));
  check("cusolverDnSetDeterministicMode", cusolverDnSetDeterministicMode(solver, CUSOLVER_DETERMINISTIC_RESULTS));
}

Stream::~Stream() {
  if (solver != nullptr) cusolverDnDestroy(solver);
  if (blas != nullptr) cublasDestroy(blas);
  cudaFree(blas_workspace);
  if (event != nullptr) cudaEventDestroy(event);
  if (stream != nullptr) cudaStreamDestroy(stream);
}

Device::Device() {
  // What the libraries read when they start. Error bounds are those of fp64 itself, not of its emulation; and a queue
  // for each of our streams, so that none waits for another.
  setenv("CUBLAS_EMULATE_DOUBLE_PRECISION", "0", 1);
  setenv("CUDA_DEVICE_MAX_CONNECTIONS", "32", 0);
  check("cudaSetDevice", cudaSetDevice(0));
  const std::size_t blas_bytes = blas_workspace_bytes();
  for (auto& stream : streams_) stream = counted_stream(blas_bytes);
  check("cusolverDnCreateParams", cusolverDnCreateParams(&params_));
  facts_ = read_facts(at(0));
}

Device::~Device() {
  if (params_ != nullptr) cusolverDnDestroyParams(params_);
}

/// Counts what the card has less of afterwards. What a library takes later, for its kernels or in a first call, it does
/// not see.
std::unique_ptr<Stream> Device::counted_stream(std::size_t blas_bytes) {
  const std::size_t before = free_bytes();
  auto made = std::make_unique<Stream>(blas_bytes);
  const std::size_t after = free_bytes();
  library_bytes_ += std::max(blas_bytes, before - std::min(before, after));
  return made;
}

void* Device::allocate(std::size_t bytes) {
  void* memory = nullptr;
  const cudaError_t status = cudaMalloc(&memory, bytes);
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();  // it is not to come up again at the next launch
    return nullptr;
  }
  check("cudaMalloc", status);
  return memory;
}

void Device::release(void* memory) noexcept {
  if (cudaFree(memory) != cudaSuccess) cudaGetLastError();
}

void* Device::allocate_on_host(std::size_t bytes) {
  void* memory = nullptr;
  const cudaError_t status = cudaMallocHost(&memory, bytes);
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    return nullptr;
  }
  check("cudaMallocHost", status);
  return memory;
}

void Device::release_on_host(void* memory) noexcept {
  if (cudaFreeHost(memory) != cudaSuccess) cudaGetLastError();
}

void Device::copy(const char* what, unsigned stream, void* to, const void* from, std::size_t bytes,
                  cudaMemcpyKind kind) {
  const auto queue = [&] { check(what, cudaMemcpyAsync(to, from, bytes, kind, at(stream).stream)); };
  if (copy_clock_)
    copy_clock_->around(stream, at(stream).stream, queue);
  else
    queue();
}

void Device::upload(unsigned stream, void* to, const void* from, std::size_t bytes) {
  copy("cudaMemcpyAsync to the GPU", stream, to, from, bytes, cudaMemcpyHostToDevice);
}

void Device::download(unsigned stream, void* to, const void* from, std::size_t bytes) {
  copy("cudaMemcpyAsync from the GPU", stream, to, from, bytes, cudaMemcpyDeviceToHost);
}

void Device::time_copies() {
  if (!copy_clock_) copy_clock_ = std::make_unique<CopyClock>();
}

double Device::seconds_copying() { return copy_clock_ ? copy_clock_->seconds() : 0; }

void Device::fill_zero(unsigned stream, void* memory, std::size_t bytes) {
  check("cudaMemsetAsync", cudaMemsetAsync(memory, 0, bytes, at(stream).stream));
}

/// The streams beside it too: where a call failed half-way, nothing else waits for what they were given.
void Device::wait(unsigned stream) {
  check("cudaStreamSynchronize", cudaStreamSynchronize(at(stream).stream));
  for (const auto& beside : helpers_[stream])
    if (beside) check("cudaStreamSynchronize", cudaStreamSynchronize(beside->stream));
  if (copy_clock_) copy_clock_->waited(stream);
}

void Device::widen(unsigned stream, GpuNumber type, const void* from, double* to, std::size_t count) {
  check("widen", cuda::widen(at(stream).stream, type, from, to, count));
}

void Device::transpose(unsigned stream, MatrixShape shape, std::size_t count, const double* from, double* to) {
  check("transpose", cuda::transpose(at(stream).stream, shape, count, from, to));
}

void Device::attention(unsigned stream, const GpuAttention& job) {
  check("attention", cuda::attention(at(stream).stream, job));
}

void Device::multiply(unsigned stream, const GpuProduct& product) {
  // result^T = b^T a^T: the second factor comes first.
  const auto form = [](const GpuMatrices& matrices) { return matrices.transposed ? CUBLAS_OP_T : CUBLAS_OP_N; };
  check("cublasDgemmStridedBatched",
        cublasDgemmStridedBatched(at(stream).blas, form(product.b), form(product.a), whole(product.cols),
                                  whole(product.rows), whole(product.inner), &product.factor, product.b.start,
                                  whole(product.b.stride), long_whole(product.b.step), product.a.start,
                                  whole(product.a.stride), long_whole(product.a.step), &product.keep, product.result,
                                  whole(product.stride), long_whole(product.step), whole(product.count)));
}

std::size_t Device::block_memory() {
  int bytes = 0;
  check("cudaDeviceGetAttribute", cudaDeviceGetAttribute(&bytes, cudaDevAttrMaxSharedMemoryPerBlockOptin, 0));
  return static_cast<std::size_t>(bytes);
}

void Device::panel_factors(unsigned stream, const GpuPanel& job) {
  check("panel_factors", cuda::panel_factors(at(stream).stream, job));
}

void Device::panel_sweep(unsigned stream, const GpuPanel& job) {
  check("panel_sweep", cuda::panel_sweep(at(stream).stream, job));
}

void Device::panel_correction(unsigned stream, const GpuPanel& job) {
  check("panel_correction", cuda::panel_correction(at(stream).stream, job));
}

void Device::chase(unsigned stream, const GpuChase& job) { check("chase", cuda::chase(at(stream).stream, job)); }

void Device::tridiagonal_values(unsigned stream, const GpuTridiagonals& job) {
  check("tridiagonal_values", cuda::tridiagonal_values(at(stream).stream, job));
}

void Device::exponentials(unsigned stream, std::size_t rows, std::size_t k, double* scores, double* largest,
                          double* sums) {
  check("exponentials", cuda::exponentials(at(stream).stream, rows, k, scores, largest, sums));
}

void Device::residuals(unsigned stream, const GpuResidual& job) {
  check("residuals", cuda::residuals(at(stream).stream, job));
}

}  // namespace attnspec::cuda
