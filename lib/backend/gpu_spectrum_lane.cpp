// What is queued, in this order: numbers to the card, a product for Gram matrices, a solver, values back.
#include "lib/backend/gpu_spectrum_lane.hpp"

#include "lib/backend/gpu_fixed_calls.hpp"
#include "lib/backend/gpu_two_stage.hpp"

namespace attnspec {
namespace {

/// As the solver of singular values wants it: no higher than wide.
MatrixShape lying(MatrixShape shape) {
  const std::size_t n = shape.smaller_side();
  return {n, shape.elements() / n};
}

}  // namespace

std::size_t GpuSpectrumTask::matrices_a_call() const {
  if (method == GpuMethod::direct && kind.rank == 0) return 1;
  return attnspec::matrices_a_call(kind.shape, method == GpuMethod::gram && route == GpuEigenRoute::together);
}

bool GpuSpectrumTask::turned() const { return method == GpuMethod::direct && kind.shape.rows > kind.shape.cols; }

std::size_t GpuSpectrumTask::spare_numbers() const {
  if (method == GpuMethod::gram) return kind.shape.smaller_side() * kind.shape.smaller_side();
  return turned() ? kind.shape.elements() : 0;
}

std::size_t GpuSpectrumTask::workspace_bytes(GpuDevice& device, std::size_t count, std::size_t a_call) const {
  const std::size_t n = kind.shape.smaller_side();
  if (method == GpuMethod::direct) return device.singular_value_workspace(lying(kind.shape), count);
  if (route == GpuEigenRoute::two_stage) return two_stage_workspace(device, n, count);
  return device.eigenvalue_workspace(route, n, route == GpuEigenRoute::together ? a_call : count);
}

std::size_t GpuSpectrumTask::library_bytes(GpuDevice& device, std::size_t a_call) const {
  workspace_bytes(device, a_call, a_call);  // asked for, so that it counts
  return device.library_bytes();
}

std::size_t GpuSpectrumTask::bytes(GpuDevice& device, std::size_t count, std::size_t a_call) const {
  const MatrixShape shape = kind.shape;
  const std::size_t numbers = shape.elements() + spare_numbers() + shape.smaller_side();
  return count * (numbers * sizeof(double) + sizeof(int)) + workspace_bytes(device, count, a_call) +
         (kind.rank == 0 ? GpuUpload::bytes_on_card(count * shape.elements())
                         : GpuQueryKeys::bytes_on_card(kind, count));
}

GpuSpectrumLane::GpuSpectrumLane(GpuDevice& device, const GpuSpectrumTask& task, std::size_t capacity,
                                 std::size_t a_call)
    : task_(task),
      a_call_(a_call),
      workspace_bytes_(task.workspace_bytes(device, capacity, a_call)),
      values_on_host_(device, capacity * task.kind.shape.smaller_side(), true),
      matrices_(device, capacity * task.kind.shape.elements()),
      values_(device, capacity * task.kind.shape.smaller_side()),
      info_on_host_(device, capacity, true),
      info_(device, capacity),
      workspace_(device, workspace_bytes_) {
  const std::size_t spare = capacity * task.spare_numbers();
  if (spare > 0) spare_ = {device, spare};
  if (task.kind.rank == 0)
    upload_ = {device, capacity * task.kind.shape.elements()};
  else
    heads_ = {device, task.kind, capacity};
  if (matrices_ && (upload_ || heads_) && (spare_ || spare == 0) && values_ && info_ && workspace_ && values_on_host_ &&
      info_on_host_)
    capacity_ = capacity;
}

void GpuSpectrumLane::send(GpuDevice& device, unsigned stream, unsigned threads, const MatrixBatch& batch,
                           std::span<GpuSpectrumItem> items) {
  if (const QueryKeyHeads* heads = batch.queries_and_keys())
    return heads_.start(device, stream, threads, *heads, items.front().index, items.size(), a_call_, matrices_.get());
  if (batch.numbers() == BatchNumbers::halves) {
    std::vector<std::span<const std::uint16_t>> blocks;
    for (const GpuSpectrumItem& item : items) blocks.push_back(batch.halves(item.index));
    const std::vector<Look> looks = upload_.send_halves(device, stream, threads, blocks, matrices_.get());
    for (std::size_t i = 0; i < items.size(); ++i) items[i].look = looks[i];
    return;
  }
  std::vector<UploadBlock> blocks;
  for (const GpuSpectrumItem& item : items)
    blocks.push_back({batch.matrix(item.index), blocks.size() * batch.shape().elements(), item.look.scale});
  upload_.send(device, stream, threads, blocks, matrices_.get());
}

/// Of the smaller of P P^T and P^T P. What makes up the last call is zero.
void GpuSpectrumLane::find_eigenvalues(GpuDevice& device, unsigned stream, std::size_t count) {
  const MatrixShape shape = task_.kind.shape;
  const std::size_t n = shape.smaller_side(), elements = shape.elements();
  if (const std::size_t more = in_whole_calls(count, a_call_) - count; more > 0)
    device.fill_zero(stream, matrices_.get() + count * elements, more * elements * sizeof(double));
  const bool rows = shape.rows <= shape.cols;
  const GpuMatrices plain{matrices_.get(), shape.cols, elements, false},
      turned_over{matrices_.get(), shape.cols, elements, true};
  multiply_in_calls(
      device, stream,
      {n, n, elements / n, count, rows ? plain : turned_over, rows ? turned_over : plain, spare_.get(), n, n * n, 1, 0},
      a_call_);
  if (task_.route != GpuEigenRoute::together) {
    device.fill_zero(stream, workspace_.get(), workspace_bytes_);
    if (task_.route == GpuEigenRoute::two_stage)  // the matrices themselves are of no more use
      two_stage_eigenvalues(device, stream, n, count, spare_.get(), matrices_.get(), values_.get(), info_.get(),
                            workspace_.get());
    else
      device.eigenvalues(stream, task_.route, n, count, spare_.get(), values_.get(), info_.get(), workspace_.get(),
                         workspace_bytes_);
    return;
  }
  for (std::size_t first = 0; first < count; first += a_call_) {
    device.fill_zero(stream, workspace_.get(), workspace_bytes_);
    device.eigenvalues(stream, task_.route, n, a_call_, spare_.get() + first * n * n, values_.get() + first * n,
                       info_.get() + first, workspace_.get(), workspace_bytes_);
  }
}

void GpuSpectrumLane::find_singular_values(GpuDevice& device, unsigned stream, std::size_t count) {
  double* wide = task_.turned() ? spare_.get() : matrices_.get();
  if (task_.turned()) device.transpose(stream, task_.kind.shape, count, matrices_.get(), wide);
  device.fill_zero(stream, workspace_.get(), workspace_bytes_);
  device.singular_values(stream, lying(task_.kind.shape), count, wide, values_.get(), info_.get(), workspace_.get(),
                         workspace_bytes_);
}

void GpuSpectrumLane::start(GpuDevice& device, unsigned stream, unsigned threads, const MatrixBatch& batch,
                            std::span<GpuSpectrumItem> items) {
  send(device, stream, threads, batch, items);
  if (task_.method == GpuMethod::gram)
    find_eigenvalues(device, stream, items.size());
  else
    find_singular_values(device, stream, items.size());
  device.download(stream, values_on_host_.get(), values_.get(),
                  items.size() * task_.kind.shape.smaller_side() * sizeof(double));
  device.download(stream, info_on_host_.get(), info_.get(), items.size() * sizeof(int));
}

std::span<const double> GpuSpectrumLane::values(std::size_t i) const {
  const std::size_t n = task_.kind.shape.smaller_side();
  return {values_on_host_.get() + i * n, n};
}

}  // namespace attnspec
