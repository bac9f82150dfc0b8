// A card on the host that is stricter than a real one: work runs as late as it may, memory starts as NaN, every pointer
// is checked, and any call can be told to fail.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/backend/gpu_backend.hpp"
#include "lib/backend/gpu_bus_time.hpp"
#include "lib/backend/gpu_device.hpp"

namespace attnspec::test {

/// What the fake did and shall do; outlives it.
struct FakeGpuLog {
  static constexpr std::size_t never = std::numeric_limits<std::size_t>::max();

  std::size_t memory = std::size_t{1} << 30;         ///< of the card
  std::size_t limit = 0;                             ///< that fake_backend gives the backend; 0: the card's memory
  static constexpr double seconds_a_byte = 0x1p-30;  ///< on the bus, by the fake's own clock

  std::size_t handle_bytes = 100;  ///< that a handle of a library takes; every stream has one
  std::size_t block_memory = std::size_t{227} << 10;
  bool backwards = false;                 ///< threads of a phase run from the last to the first
  bool counting = false;                  ///< libraries give other bits for another number of matrices a call
  bool eager = false;                     ///< work runs when it is queued and not when somebody waits
  std::size_t failing_call = never;       ///< the call, counted from 0, that throws, and every later one too
  std::size_t failing_once = never;       ///< the call that throws, and no other
  std::size_t full_allocation = never;    ///< the allocation, counted from 0, that finds no room
  std::size_t no_convergence_of = never;  ///< solved matrix, counted from 0, whose info is not 0

  std::size_t allocations = 0;
  std::size_t calls = 0, in_use = 0, peak = 0, blocks = 0, uploaded = 0, downloaded = 0, waits = 0;
  std::size_t solved = 0;                              ///< matrices that are not zero, as a call's make-up is
  std::size_t together = 0, apart = 0, two_stage = 0;  ///< solver calls by route
  std::size_t sweeps = 0;                              ///< of panels
  std::size_t side_by_side = 0;                        ///< streams that had work at the same time, unless eager
  std::vector<std::string> violations;  ///< what a real card would have answered with a crash, or with wrong numbers
};

class FakeGpu final : public GpuDevice {
 public:
  explicit FakeGpu(std::shared_ptr<FakeGpuLog> log);
  ~FakeGpu() override;

  GpuFacts facts() override;
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
  double seconds_copying() override { return busy_.seconds(); }
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
  void call();
  template <class Kernel>
  void run(unsigned stream, const Kernel& kernel);
  void forget_queued();
  void queue(unsigned stream, std::function<void()> work);
  void copy(unsigned stream, void* to, const void* from, std::size_t bytes);
  void demand(bool fine, const std::string& complaint);
  void on_card(const GpuPanel& job);
  void on_card(const void* start, std::size_t bytes, const std::string& what);
  void zeroed(const void* workspace, std::size_t bytes);
  double rounding(std::size_t count, std::initializer_list<const void*> starts) const;
  int end_of(bool is_zero);
  void take_handles(std::size_t count);
  void have_helpers();

  std::shared_ptr<FakeGpuLog> log_;
  std::size_t library_bytes_ = 0;
  GpuBusTime busy_;
  double clock_ = 0;
  bool timed_ = false;
  bool has_helpers_ = false;  ///< handles of solvers that take a matrix a call
  std::map<const std::byte*, std::vector<std::byte>> card_, host_;
  std::array<std::vector<std::function<void()>>, GpuDevice::streams> queued_;
};

std::unique_ptr<Backend> make_reference();
/// The GPU backend on a fake card; the reference is its host.
std::unique_ptr<Backend> fake_backend(const std::shared_ptr<FakeGpuLog>& log, GpuMethod method = GpuMethod::gram,
                                      std::optional<GpuEigenRoute> route = {});

}  // namespace attnspec::test
