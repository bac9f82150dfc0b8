// Our own kernels as they are, and the host's algebra in place of CUDA's libraries.
#include "tests/support/fake_gpu.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <utility>

#include "lib/backend/gpu_kernels/attention_rows.hpp"
#include "lib/backend/gpu_kernels/band_chase.hpp"
#include "lib/backend/gpu_kernels/band_reduction.hpp"
#include "lib/backend/gpu_kernels/panel_sweep.hpp"
#include "lib/backend/gpu_kernels/trial_kernels.hpp"
#include "lib/backend/gpu_kernels/tridiagonal_values.hpp"
#include "lib/backend/gpu_kernels/widened.hpp"
#include "lib/backend/narrow_numbers.hpp"
#include "lib/backend/registry.hpp"
#include "tests/support/host_algebra.hpp"
#include "tests/support/host_block.hpp"

namespace attnspec::test {
FakeGpu::FakeGpu(std::shared_ptr<FakeGpuLog> log) : log_(std::move(log)) { take_handles(GpuDevice::streams); }

FakeGpu::~FakeGpu() {
  demand(card_.empty() && host_.empty(), "memory was not given back");
  log_->in_use -= library_bytes_;
}

void FakeGpu::take_handles(std::size_t count) {
  library_bytes_ += count * log_->handle_bytes;
  log_->in_use += count * log_->handle_bytes;
  log_->peak = std::max(log_->peak, log_->in_use);
}

void FakeGpu::have_helpers() {
  constexpr std::size_t helpers = 8;
  if (!std::exchange(has_helpers_, true)) take_handles(helpers);
}

void FakeGpu::demand(bool fine, const std::string& complaint) {
  if (!fine) log_->violations.push_back(complaint);
}

void FakeGpu::call() {
  const std::size_t now = log_->calls++;
  if (now >= log_->failing_call || now == log_->failing_once) throw GpuFailure("fake: told to fail");
}

void FakeGpu::queue(unsigned stream, std::function<void()> work) {
  call();
  if (log_->eager)
    work();
  else
    queued_[stream].push_back(std::move(work));
  const auto busy = std::count_if(queued_.begin(), queued_.end(), [](const auto& one) { return !one.empty(); });
  log_->side_by_side = std::max(log_->side_by_side, static_cast<std::size_t>(busy));
}

void FakeGpu::wait(unsigned stream) {
  call();
  ++log_->waits;
  for (const auto& work : std::exchange(queued_[stream], {})) work();
}

GpuFacts FakeGpu::facts() { return {"a fake", "9.0", "13.0", "none", log_->memory, log_->memory - log_->in_use}; }

void* FakeGpu::allocate(std::size_t bytes) {
  call();
  if (log_->allocations++ == log_->full_allocation || log_->in_use + bytes > log_->memory) return nullptr;
  std::vector<std::byte> memory(bytes, std::byte{0xff});  // NaN, in doubles and floats
  std::byte* start = memory.data();
  card_.emplace(start, std::move(memory));
  log_->in_use += bytes;
  log_->peak = std::max(log_->peak, log_->in_use);
  ++log_->blocks;
  return start;
}

void FakeGpu::release(void* memory) noexcept {
  const auto found = card_.find(static_cast<std::byte*>(memory));
  demand(found != card_.end(), "memory was given back twice, or never taken");
  forget_queued();
  if (found == card_.end()) return;
  log_->in_use -= found->second.size();
  card_.erase(found);
}

/// A card that still works writes to memory that is another's by then; one that failed does not.
void FakeGpu::forget_queued() {
  const bool works = log_->calls <= log_->failing_call;
  for (auto& stream : queued_) {
    demand(stream.empty() || !works, "memory was given back under work that uses it");
    stream.clear();
  }
}

void* FakeGpu::allocate_on_host(std::size_t bytes) {
  call();
  if (log_->allocations++ == log_->full_allocation) return nullptr;
  std::vector<std::byte> memory(bytes, std::byte{0xff});
  std::byte* start = memory.data();
  host_.emplace(start, std::move(memory));
  return start;
}

void FakeGpu::release_on_host(void* memory) noexcept {
  forget_queued();
  demand(host_.erase(static_cast<std::byte*>(memory)) == 1, "host memory was given back twice, or never taken");
}

void FakeGpu::on_card(const void* start, std::size_t bytes, const std::string& what) {
  const auto* from = static_cast<const std::byte*>(start);
  auto found = card_.upper_bound(from);
  const bool inside = found != card_.begin() && (--found, from + bytes <= found->first + found->second.size());
  demand(inside, what + " of " + std::to_string(bytes) + " bytes leaves its memory");
  if (!inside) throw GpuFailure(what + ": out of bounds");
}

void FakeGpu::copy(unsigned stream, void* to, const void* from, std::size_t bytes) {
  queue(stream, [=, this, timed = timed_] {
    std::memcpy(to, from, bytes);
    const double begin = clock_;
    clock_ += static_cast<double>(bytes) * FakeGpuLog::seconds_a_byte;
    if (timed) busy_.add(begin, clock_);
  });
}

void FakeGpu::time_copies() {
  call();
  timed_ = true;
}

void FakeGpu::upload(unsigned stream, void* to, const void* from, std::size_t bytes) {
  on_card(to, bytes, "upload");
  copy(stream, to, from, bytes);
  log_->uploaded += bytes;
}

void FakeGpu::download(unsigned stream, void* to, const void* from, std::size_t bytes) {
  on_card(from, bytes, "download");
  copy(stream, to, from, bytes);
  log_->downloaded += bytes;
}

void FakeGpu::fill_zero(unsigned stream, void* memory, std::size_t bytes) {
  on_card(memory, bytes, "fill_zero");
  queue(stream, [=] { std::memset(memory, 0, bytes); });
}

void FakeGpu::widen(unsigned stream, GpuNumber type, const void* from, double* to, std::size_t count) {
  on_card(from, count * bytes_of(type), "widen from");
  on_card(to, count * sizeof(double), "widen to");
  queue(stream, [=] {
    for (std::size_t i = 0; i < count; ++i) switch (type) {
        case GpuNumber::float64: to[i] = gpu_kernels::widened<GpuNumber::float64>(from, i); break;
        case GpuNumber::float32: to[i] = gpu_kernels::widened<GpuNumber::float32>(from, i); break;
        case GpuNumber::float16: to[i] = gpu_kernels::widened<GpuNumber::float16>(from, i); break;
        case GpuNumber::bfloat16: to[i] = gpu_kernels::widened<GpuNumber::bfloat16>(from, i); break;
      }
  });
}

void FakeGpu::multiply(unsigned stream, const GpuProduct& job) {
  demand(job.rows > 0 && job.cols > 0 && job.inner > 0 && job.count > 0, "an empty product");
  demand(job.stride >= job.cols && job.a.stride >= (job.a.transposed ? job.rows : job.inner) &&
             job.b.stride >= (job.b.transposed ? job.inner : job.cols),
         "a row is longer than its stride");
  on_card(job.a.start, span_of(job.a, job.rows, job.inner, job.count) * sizeof(double), "a of a product");
  on_card(job.b.start, span_of(job.b, job.inner, job.cols, job.count) * sizeof(double), "b of a product");
  on_card(job.result, span_of({job.result, job.stride, job.step}, job.rows, job.cols, job.count) * sizeof(double),
          "the result of a product");
  queue(stream, [job, rounding = rounding(job.count, {job.a.start, job.b.start, job.result})] {
    for (std::size_t index = 0; index < job.count; ++index) multiply_on_host(job, index, rounding);
  });
}

/// What a library's choice of an algorithm, by the number of matrices and by their alignment, does to its numbers.
double FakeGpu::rounding(std::size_t count, std::initializer_list<const void*> starts) const {
  if (!log_->counting) return 1;
  std::size_t choice = count % 61;
  for (const void* start : starts) choice = 2 * choice + reinterpret_cast<std::uintptr_t>(start) / sizeof(double) % 2;
  return 1 + static_cast<double>(choice) * std::numeric_limits<double>::epsilon();
}

void FakeGpu::zeroed(const void* workspace, std::size_t bytes) {
  const auto* start = static_cast<const std::byte*>(workspace);
  demand(std::all_of(start, start + bytes, [](std::byte byte) { return byte == std::byte{0}; }),
         "a workspace was not zeroed");
}

int FakeGpu::end_of(bool is_zero) { return !is_zero && log_->solved++ == log_->no_convergence_of ? 7 : 0; }

std::size_t FakeGpu::block_memory() { return log_->block_memory; }

void FakeGpu::on_card(const GpuPanel& job) {
  const std::size_t square = job.width * job.width * sizeof(double);
  for (const double* matrices : {job.matrices, static_cast<const double*>(job.left)})
    on_card(matrices, job.count * job.n * job.n * sizeof(double), "matrices of a panel");
  for (const double* rows : std::initializer_list<const double*>{job.v, job.y, job.x, job.last_v, job.last_x})
    if (rows != nullptr)
      on_card(rows, ((job.count - 1) * job.rows_step() + job.width * job.n) * sizeof(double), "rows of a panel");
  on_card(job.t, job.count * square, "factors of a panel");
  on_card(job.s, job.count * job.all_strips() * square, "squares of a panel");
  on_card(job.band, job.count * job.n * band_step(job.width) * sizeof(double), "the band of a panel");
}

void FakeGpu::panel_factors(unsigned stream, const GpuPanel& job) {
  on_card(job);
  gpu_kernels::with_width(job.width, [&](auto width) { run(stream, gpu_kernels::PanelFactors<width()>{job}); });
}

void FakeGpu::panel_sweep(unsigned stream, const GpuPanel& job) {
  on_card(job);
  demand(job.left != job.matrices, "a sweep writes where it reads");
  ++log_->sweeps;
  gpu_kernels::with_width(job.width, [&](auto width) { run(stream, gpu_kernels::PanelSweep<width()>{job}); });
}

void FakeGpu::panel_correction(unsigned stream, const GpuPanel& job) {
  on_card(job);
  gpu_kernels::with_width(job.width, [&](auto width) { run(stream, gpu_kernels::PanelCorrection<width()>{job}); });
}

void FakeGpu::chase(unsigned stream, const GpuChase& job) {
  on_card(job.band, job.count * job.n * band_step(job.width) * sizeof(double), "the band of a chase");
  on_card(job.diagonals, job.count * job.n * sizeof(double), "diagonals of a chase");
  on_card(job.off_diagonals, job.count * job.n * sizeof(double), "off-diagonals of a chase");
  gpu_kernels::with_chase(job, [&](const auto& kernel) { run(stream, kernel); });
}

void FakeGpu::tridiagonal_values(unsigned stream, const GpuTridiagonals& job) {
  for (const double* numbers : {job.diagonals, job.off_diagonals, static_cast<const double*>(job.values)})
    on_card(numbers, job.count * job.n * sizeof(double), "tridiagonal matrices");
  on_card(job.info, job.count * sizeof(int), "info");
  ++log_->two_stage;
  run(stream, gpu_kernels::TridiagonalValues{job});
}

std::size_t FakeGpu::eigenvalue_workspace(GpuEigenRoute route, std::size_t n, std::size_t count) {
  if (route == GpuEigenRoute::apart) have_helpers();
  return 1000 + n * n * sizeof(double) * (route == GpuEigenRoute::together ? count : 4);
}

void FakeGpu::eigenvalues(unsigned stream, GpuEigenRoute route, std::size_t n, std::size_t count, double* matrices,
                          double* values, int* info, void* workspace, std::size_t workspace_bytes) {
  ++(route == GpuEigenRoute::together ? log_->together : log_->apart);
  demand(workspace_bytes >= eigenvalue_workspace(route, n, count), "the workspace is too small");
  on_card(matrices, count * n * n * sizeof(double), "matrices");
  on_card(values, count * n * sizeof(double), "values");
  on_card(info, count * sizeof(int), "info");
  on_card(workspace, workspace_bytes, "workspace");
  queue(stream, [=, this] {
    zeroed(workspace, workspace_bytes);
    std::memset(workspace, 1, workspace_bytes);
    const double rounding_of_all = rounding(route == GpuEigenRoute::together ? count : 1, {matrices});
    for (std::size_t index = 0; index < count; ++index)
      info[index] = end_of(eigenvalues_on_host(n, matrices + index * n * n, values + index * n, rounding_of_all));
  });
}

std::size_t FakeGpu::singular_value_workspace(MatrixShape shape, std::size_t) {
  have_helpers();
  return 1000 + 8 * shape.elements();
}

void FakeGpu::singular_values(unsigned stream, MatrixShape shape, std::size_t count, double* matrices, double* values,
                              int* info, void* workspace, std::size_t workspace_bytes) {
  demand(shape.rows <= shape.cols, "a matrix lies on its wrong side");
  demand(workspace_bytes >= singular_value_workspace(shape, count), "the workspace is too small");
  on_card(matrices, count * shape.elements() * sizeof(double), "matrices");
  on_card(values, count * shape.rows * sizeof(double), "values");
  on_card(info, count * sizeof(int), "info");
  on_card(workspace, workspace_bytes, "workspace");
  queue(stream, [=, this] {
    zeroed(workspace, workspace_bytes);
    for (std::size_t index = 0; index < count; ++index)
      info[index] =
          end_of(singular_values_on_host(shape, matrices + index * shape.elements(), values + index * shape.rows));
  });
}

/// The same source that runs on a card; its blocks' memory starts as NaN each time.
template <class Kernel>
void FakeGpu::run(unsigned stream, const Kernel& kernel) {
  demand(kernel.memory_numbers() * sizeof(double) <= log_->block_memory, "a block wants more memory than there is");
  queue(stream, [kernel, backwards = log_->backwards] {
    for (std::size_t index = 0; index < kernel.blocks(); ++index) {
      std::vector<double> memory(kernel.memory_numbers(), std::numeric_limits<double>::quiet_NaN());
      HostBlock block(Kernel::threads, backwards);
      kernel(block, index, memory.data());
    }
  });
}

void FakeGpu::transpose(unsigned stream, MatrixShape shape, std::size_t count, const double* from, double* to) {
  on_card(from, count * shape.elements() * sizeof(double), "transpose from");
  on_card(to, count * shape.elements() * sizeof(double), "transpose to");
  queue(stream, [=] {
    for (std::size_t index = 0; index < count; ++index)
      for (std::size_t i = 0; i < shape.rows; ++i)
        for (std::size_t j = 0; j < shape.cols; ++j)
          to[index * shape.elements() + j * shape.rows + i] = from[index * shape.elements() + i * shape.cols + j];
  });
}

void FakeGpu::attention(unsigned stream, const GpuAttention& job) {
  const std::size_t rows = job.heads * job.queries;
  on_card(job.attention, rows * job.keys * sizeof(double), "scores of attention");
  if (job.biases != nullptr) on_card(job.biases, rows * job.keys * sizeof(double), "biases of attention");
  on_card(job.rules, job.heads * sizeof(GpuScoreRule), "rules of attention");
  on_card(job.key_norms, job.heads * job.keys * sizeof(double), "key norms of attention");
  on_card(job.row_squares, rows * sizeof(double), "row squares of attention");
  on_card(job.row_moved, rows * sizeof(double), "moved rows of attention");
  run(stream, gpu_kernels::AttentionRows{job});
}

void FakeGpu::exponentials(unsigned stream, std::size_t rows, std::size_t k, double* scores, double* largest,
                           double* sums) {
  on_card(scores, rows * k * sizeof(double), "scores");
  on_card(largest, rows * sizeof(double), "largest");
  on_card(sums, rows * sizeof(double), "sums");
  run(stream, gpu_kernels::ExponentialRows{rows, k, scores, largest, sums});
}

void FakeGpu::residuals(unsigned stream, const GpuResidual& job) {
  const std::size_t rows = job.heads * job.queries, cells = rows * job.width * sizeof(double);
  for (const double* block : {job.outputs, job.targets, static_cast<const double*>(job.errors)})
    if (block != nullptr) on_card(block, cells, "cells of a residual");
  for (const double* block : {job.sums, job.shifts, job.log_sums})
    if (block != nullptr) on_card(block, rows * sizeof(double), "rows of a residual");
  on_card(job.columns, job.heads * job.width * sizeof(double), "columns of a residual");
  on_card(job.rows, rows * job.groups * sizeof(double), "row norms of a residual");
  on_card(job.group_ends, job.groups * sizeof(std::size_t), "groups of a residual");
  demand((job.shifts == nullptr) == (job.log_sums == nullptr), "shifts without their log sums");
  run(stream, gpu_kernels::ResidualRows{job});
  run(stream, gpu_kernels::ResidualColumns{job});
}

std::unique_ptr<Backend> make_reference() { return make_backend({"cpu", "reference"}).backend; }

std::unique_ptr<Backend> fake_backend(const std::shared_ptr<FakeGpuLog>& log, GpuMethod method,
                                      std::optional<GpuEigenRoute> route) {
  return make_gpu_backend(std::make_unique<FakeGpu>(log), make_reference(),
                          {method, log->limit > 0 ? log->limit : log->memory, 2, route});
}

}  // namespace attnspec::test
