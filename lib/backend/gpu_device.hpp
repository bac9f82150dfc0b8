// A graphics card as the GPU backend needs it: memory, streams, and the few things that are computed there. CUDA is one
// such device, in a library of its own; tests have another, on the host.
#pragma once

#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>

#include "lib/backend/gpu_facts.hpp"
#include "lib/backend/gpu_jobs.hpp"
#include "lib/core/export.hpp"
#include "lib/core/matrix_shape.hpp"

namespace attnspec {

/// The card, its driver or a library failed; what() says which call and why.
class ATTNSPEC_API GpuFailure : public std::runtime_error {
 public:
  explicit GpuFailure(const std::string& what);
  ~GpuFailure() override;
};

/// Work is queued: whatever takes a stream returns at once, and what is on one stream runs in order. Memory that a
/// queued piece of work reads or writes stays untouched until wait(). Any call may throw GpuFailure, also for what was
/// queued before.
class ATTNSPEC_API GpuDevice {
 public:
  static constexpr unsigned streams = 4;

  GpuDevice() = default;
  GpuDevice(const GpuDevice&) = delete;
  GpuDevice& operator=(const GpuDevice&) = delete;
  virtual ~GpuDevice();

  virtual GpuFacts facts() = 0;

  /// Bytes of the card's memory that the libraries hold for themselves by now, beside what is allocated here. What the
  /// solvers take of their own is there, and counted, once their workspace was asked for.
  virtual std::size_t library_bytes() = 0;

  /// Null where the card has no room. Aligned to 256 bytes.
  virtual void* allocate(std::size_t bytes) = 0;
  virtual void release(void* memory) noexcept = 0;
  /// Host memory that the card reads by itself; null where there is none.
  virtual void* allocate_on_host(std::size_t bytes) = 0;
  virtual void release_on_host(void* memory) noexcept = 0;

  virtual void upload(unsigned stream, void* to, const void* from, std::size_t bytes) = 0;
  virtual void download(unsigned stream, void* to, const void* from, std::size_t bytes) = 0;
  virtual void fill_zero(unsigned stream, void* memory, std::size_t bytes) = 0;
  virtual void wait(unsigned stream) = 0;

  /// Uploads and downloads are timed from now on, at the price of two events each.
  virtual void time_copies() = 0;
  /// Seconds since then in which one was under way, of those that were waited for; what the driver copies on the host
  /// before, where memory is not pinned, counts too.
  virtual double seconds_copying() = 0;

  /// `from` holds `count` numbers of this type.
  virtual void widen(unsigned stream, GpuNumber type, const void* from, double* to, std::size_t count) = 0;
  /// `count` matrices of this shape, row-major, back to back, turned over.
  virtual void transpose(unsigned stream, MatrixShape shape, std::size_t count, const double* from, double* to) = 0;
  virtual void attention(unsigned stream, const GpuAttention& job) = 0;
  virtual void multiply(unsigned stream, const GpuProduct& product) = 0;

  /// Bytes of its own that a block of threads can have.
  virtual std::size_t block_memory() = 0;
  /// Steps of lib/backend/gpu_two_stage.
  virtual void panel_factors(unsigned stream, const GpuPanel& job) = 0;
  virtual void panel_sweep(unsigned stream, const GpuPanel& job) = 0;
  virtual void panel_correction(unsigned stream, const GpuPanel& job) = 0;
  virtual void chase(unsigned stream, const GpuChase& job) = 0;
  virtual void tridiagonal_values(unsigned stream, const GpuTridiagonals& job) = 0;

  /// By cuSOLVER's routes only. Eigenvalues of `count` symmetric n x n matrices, back to back, rising, n each; info[i]
  /// != 0 where a solver gave up. The matrices are lost.
  virtual std::size_t eigenvalue_workspace(GpuEigenRoute route, std::size_t n, std::size_t count) = 0;
  virtual void eigenvalues(unsigned stream, GpuEigenRoute route, std::size_t n, std::size_t count, double* matrices,
                           double* values, int* info, void* workspace, std::size_t workspace_bytes) = 0;

  /// Singular values of `count` matrices with rows <= cols, row-major, back to back, falling. The matrices are lost.
  virtual std::size_t singular_value_workspace(MatrixShape shape, std::size_t count) = 0;
  virtual void singular_values(unsigned stream, MatrixShape shape, std::size_t count, double* matrices, double* values,
                               int* info, void* workspace, std::size_t workspace_bytes) = 0;

  /// Each of `rows` rows of k scores becomes exp(score - largest); the largest and the sum of the row beside it.
  virtual void exponentials(unsigned stream, std::size_t rows, std::size_t k, double* scores, double* largest,
                            double* sums) = 0;
  virtual void residuals(unsigned stream, const GpuResidual& job) = 0;
};

/// Memory of a device, given back at the end.
template <class Number>
class GpuMemory {
 public:
  GpuMemory() = default;
  /// Empty where there is no room: check with bool.
  GpuMemory(GpuDevice& device, std::size_t count, bool on_host = false) {
    const std::size_t bytes = count == 0 ? sizeof(Number) : count * sizeof(Number);
    memory_ = {static_cast<Number*>(on_host ? device.allocate_on_host(bytes) : device.allocate(bytes)),
               Release{&device, on_host}};
  }

  explicit operator bool() const { return memory_ != nullptr; }
  Number* get() const { return memory_.get(); }

 private:
  struct Release {
    GpuDevice* device = nullptr;
    bool on_host = false;
    void operator()(Number* memory) const noexcept {
      if (on_host)
        device->release_on_host(memory);
      else
        device->release(memory);
    }
  };
  std::unique_ptr<Number, Release> memory_;
};

}  // namespace attnspec
