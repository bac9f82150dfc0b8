// Plain loops, and Eigen for the solvers.
#include "tests/support/fake_gpu.hpp"

#include <Eigen/Eigenvalues>
#include <Eigen/SVD>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "lib/backend/gpu_kernels/widened.hpp"
#include "lib/backend/narrow_numbers.hpp"

namespace attnspec::test {
namespace {

using ColumnMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic>;

/// Numbers that a set of matrices spans.
std::size_t span_of(const GpuMatrices& matrices, std::size_t rows, std::size_t cols, std::size_t count) {
  const std::size_t stored_rows = matrices.transposed ? cols : rows, stored_cols = matrices.transposed ? rows : cols;
  return (count - 1) * matrices.step + (stored_rows - 1) * matrices.stride + stored_cols;
}

double entry(const GpuMatrices& matrices, std::size_t index, std::size_t i, std::size_t j) {
  const double* start = matrices.start + index * matrices.step;
  return matrices.transposed ? start[j * matrices.stride + i] : start[i * matrices.stride + j];
}

}  // namespace

FakeGpu::~FakeGpu() { demand(card_.empty() && host_.empty(), "memory was not given back"); }

void FakeGpu::demand(bool fine, const std::string& complaint) {
  if (!fine) log_->violations.push_back(complaint);
}

void FakeGpu::call() {
  if (log_->calls++ >= log_->failing_call) throw GpuFailure(log_->failing_name + ": told to fail");
}

void FakeGpu::queue(unsigned stream, std::function<void()> work) {
  call();
  if (log_->eager)
    work();
  else
    queued_[stream].push_back(std::move(work));
}

void FakeGpu::wait(unsigned stream) {
  call();
  ++log_->waits;
  for (const auto& work : std::exchange(queued_[stream], {})) work();
}

GpuFacts FakeGpu::facts() { return {"a fake", "9.0", "13.0", "none", log_->memory, log_->memory - log_->in_use}; }

void* FakeGpu::allocate(std::size_t bytes) {
  call();
  if (log_->in_use + bytes > log_->memory) return nullptr;
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

void FakeGpu::upload(unsigned stream, void* to, const void* from, std::size_t bytes) {
  on_card(to, bytes, "upload");
  queue(stream, [=] { std::memcpy(to, from, bytes); });
  log_->uploaded += bytes;
}

void FakeGpu::download(unsigned stream, void* to, const void* from, std::size_t bytes) {
  on_card(from, bytes, "download");
  queue(stream, [=] { std::memcpy(to, from, bytes); });
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
  queue(stream, [job] {
    for (std::size_t index = 0; index < job.count; ++index)
      for (std::size_t i = 0; i < job.rows; ++i)
        for (std::size_t j = 0; j < job.cols; ++j) {
          double sum = 0;
          for (std::size_t l = 0; l < job.inner; ++l) sum += entry(job.a, index, i, l) * entry(job.b, index, l, j);
          double& cell = job.result[index * job.step + i * job.stride + j];
          cell = job.factor * sum + (job.keep == 0 ? 0 : job.keep * cell);
        }
  });
}

void FakeGpu::zeroed(const void* workspace, std::size_t bytes) {
  const auto* start = static_cast<const std::byte*>(workspace);
  demand(std::all_of(start, start + bytes, [](std::byte byte) { return byte == std::byte{0}; }),
         "a workspace was not zeroed");
}

void FakeGpu::end_of(int* info) { *info = log_->solved++ == log_->no_convergence_of ? 7 : 0; }

std::size_t FakeGpu::eigenvalue_workspace(GpuEigenRoute route, std::size_t n, std::size_t count) {
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
    const auto side = static_cast<Eigen::Index>(n);
    for (std::size_t index = 0; index < count; ++index) {
      Eigen::Map<ColumnMajor> matrix(matrices + index * n * n, side, side);
      const Eigen::SelfAdjointEigenSolver<ColumnMajor> solver(matrix, Eigen::EigenvaluesOnly);
      std::copy_n(solver.eigenvalues().data(), n, values + index * n);
      matrix.setConstant(-1);
      end_of(info + index);
    }
  });
}

std::size_t FakeGpu::singular_value_workspace(MatrixShape shape, std::size_t) { return 1000 + 8 * shape.elements(); }

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
    for (std::size_t index = 0; index < count; ++index) {
      Eigen::Map<ColumnMajor> matrix(matrices + index * shape.elements(), static_cast<Eigen::Index>(shape.cols),
                                     static_cast<Eigen::Index>(shape.rows));
      const Eigen::JacobiSVD<ColumnMajor> svd(matrix);
      std::copy_n(svd.singularValues().data(), shape.rows, values + index * shape.rows);
      matrix.setConstant(-1);
      end_of(info + index);
    }
  });
}

void FakeGpu::exponentials(unsigned stream, std::size_t rows, std::size_t k, double* scores, double* largest,
                           double* sums) {
  on_card(scores, rows * k * sizeof(double), "scores");
  on_card(largest, rows * sizeof(double), "largest");
  on_card(sums, rows * sizeof(double), "sums");
  queue(stream, [=] {
    for (std::size_t i = 0; i < rows; ++i) {
      double* row = scores + i * k;
      largest[i] = *std::max_element(row, row + k);
      sums[i] = 0;
      for (std::size_t j = 0; j < k; ++j) sums[i] += row[j] = std::exp(row[j] - largest[i]);
    }
  });
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
  queue(stream, [job] {
    std::fill_n(job.columns, job.heads * job.width, 0.0);
    for (std::size_t row = 0; row < job.heads * job.queries; ++row) {
      const std::size_t head = row / job.queries, query = row % job.queries;
      double weight = job.factor / (job.sums == nullptr ? 1 : job.sums[row]);
      if (job.shifts != nullptr) weight *= std::exp(job.shifts[row] - job.log_sums[row]);
      std::size_t group = 0;
      double sum = 0;
      for (std::size_t j = 0; j < job.width; ++j) {
        const std::size_t cell = row * job.width + j;
        const double error = (job.outputs == nullptr ? 0 : weight * job.outputs[cell]) - job.targets[cell];
        job.errors[cell] = error;
        job.columns[head * job.width + j] += error * error;
        sum += error * error;
        if (j + 1 == job.group_ends[group]) {
          job.rows[(head * job.groups + group++) * job.queries + query] = std::exchange(sum, 0.0);
        }
      }
    }
  });
}

}  // namespace attnspec::test
