// Lanes in turn: while one's matrices are gathered and copied the others compute, side by side, since some kernels wait
// for memory and some for themselves.
#include "lib/backend/gpu_spectra.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <utility>

#include "lib/backend/backend.hpp"
#include "lib/backend/gpu_fixed_calls.hpp"
#include "lib/backend/gpu_routes.hpp"
#include "lib/backend/gpu_two_stage.hpp"
#include "lib/backend/screening.hpp"
#include "lib/core/error.hpp"
#include "lib/core/parallel.hpp"

namespace attnspec {
namespace {

// Much of the work is done by a block of threads a matrix: fewer fill a card less, more keep the other lanes waiting.
// Measured on an H200 for n = 128 to 2048.
constexpr std::size_t rows_of_a_cut = 1 << 16, least_cut = 64;
constexpr std::size_t first_cut = 128;  // while it is looked at and copied nothing is computed

/// For all lanes to have some of it.
std::size_t cut_for(const GpuSpectrumTask& task, std::size_t wanted) {
  return std::min(std::max(least_cut, rows_of_a_cut / task.kind.shape.smaller_side()),
                  std::max(first_cut, wanted / GpuDevice::streams + 1));
}

}  // namespace

GpuSpectra::GpuSpectra(GpuDevice& device, GpuMethod method, std::size_t budget, unsigned threads,
                       std::optional<GpuEigenRoute> route)
    : device_(device), method_(method), budget_(budget), threads_(threads), route_(route) {}

GpuSpectra::~GpuSpectra() { wait_for_lanes(); }

/// Nothing is under way any more, whatever became of it: memory that the card reads must not be touched before.
void GpuSpectra::wait_for_lanes() noexcept {
  for (unsigned stream = 0; stream < GpuDevice::streams; ++stream) {
    if (under_way_[stream].empty()) continue;
    under_way_[stream].clear();
    try {
      device_.wait(stream);
    } catch (const GpuFailure&) {  // it does no more harm
    }
  }
}

GpuSpectrumTask GpuSpectra::task_of(const MatrixBatch& batch) const {
  const QueryKeyHeads* heads = batch.queries_and_keys();
  const QueryKeyKind kind{batch.shape(), heads == nullptr ? 0 : heads->rank,
                          heads != nullptr && !heads->biases.empty()};
  const std::size_t n = batch.shape().smaller_side();
  GpuEigenRoute route = route_ ? *route_ : route_of(n);
  if (route == GpuEigenRoute::two_stage && !two_stage_fits(device_, n)) route = GpuEigenRoute::apart;
  return {method_, route, kind};
}

/// The most matrices that a lane may take at once, whole calls of them; 0 where the budget holds none.
std::size_t GpuSpectra::cut_of(const GpuSpectrumTask& task, std::size_t wanted, std::size_t a_call, unsigned lanes) {
  const std::size_t of_libraries = task.library_bytes(device_, a_call),
                    room = (budget_ - std::min(budget_, of_libraries)) / lanes,
                    most_rows = std::numeric_limits<int>::max() / a_call / task.kind.shape.rows;  // of a launch
  const std::size_t cut = std::min(wanted, cut_for(task, wanted));
  std::size_t fits = 0, too_many = std::min((cut + a_call - 1) / a_call, std::max<std::size_t>(1, most_rows)) + 1;
  while (too_many - fits > 1) {
    const std::size_t middle = (fits + too_many) / 2;
    (task.bytes(device_, middle * a_call, a_call) <= room ? fits : too_many) = middle;
  }
  return fits * a_call;
}

void GpuSpectra::release() {
  wait_for_lanes();
  give_back();
}

void GpuSpectra::give_back() {
  task_ = {};
  lanes_made_ = 0;
  for (GpuSpectrumLane& lane : lanes_) lane = {};
}

bool GpuSpectra::allocate(const GpuSpectrumTask& task, std::size_t cut, std::size_t a_call, unsigned lanes) {
  const auto have = [&](GpuSpectrumLane& lane) {
    lane = {device_, task, cut, a_call};
    return static_cast<bool>(lane);
  };
  if (std::all_of(lanes_.begin(), lanes_.begin() + lanes, have)) {
    task_ = task;
    lanes_made_ = lanes;
    return true;
  }
  give_back();
  return false;
}

/// Lanes for this task; fewer and smaller ones where the card has less room, or less than it said.
void GpuSpectra::prepare(const GpuSpectrumTask& task, std::size_t wanted) {
  const std::size_t cuts = 1 + (wanted - 1) / std::min(first_cut, cut_for(task, wanted));
  const auto most_lanes = static_cast<unsigned>(std::min<std::size_t>(GpuDevice::streams, cuts));
  for (std::size_t a_call = task.matrices_a_call(); a_call > 0; a_call /= 2)
    for (unsigned lanes = most_lanes; lanes > 0; --lanes) {
      std::size_t cut = cut_of(task, wanted, a_call, lanes);
      if (cut == 0) continue;
      if (task == task_ && lanes_made_ >= lanes && lanes_[0].a_call() == a_call && lanes_[0].capacity() >= cut) return;
      give_back();
      for (; cut > 0; cut = cut / a_call / 2 * a_call)
        if (allocate(task, cut, a_call, lanes)) return;
    }
  const MatrixShape shape = task.kind.shape;
  const std::size_t least = task.bytes(device_, 1, 1) + task.library_bytes(device_, 1);
  throw Error(ErrorKind::limit,
              "the GPU has no room for matrices of " + std::to_string(shape.rows) + " x " + std::to_string(shape.cols) +
                  ": one of them, with what CUDA's libraries need, takes " + std::to_string((least >> 20) + 1) +
                  " MiB, and it may use " + std::to_string(budget_ >> 20) +
                  " MiB (--max-memory-device) of what other programs leave; or take --device cpu");
}

void GpuSpectra::start(unsigned stream, const MatrixBatch& batch, std::vector<Item> items) {
  under_way_[stream] = std::move(items);
  lanes_[stream].start(device_, stream, threads_, batch, under_way_[stream]);
}

void GpuSpectra::finish(unsigned stream, const MatrixBatch& batch, std::vector<Spectrum>& spectra) {
  const GpuSpectrumLane& lane = lanes_[stream];
  std::vector<Item>& items = under_way_[stream];
  if (items.empty()) return;
  device_.wait(stream);
  for (std::size_t i = 0; i < items.size(); ++i) {
    Item& item = items[i];
    Spectrum& spectrum = spectra[item.index];
    if (!item.look.seen.finite) {
      spectrum.status = SvdStatus::not_finite;
      continue;
    }
    const std::span<const double> found = lane.values(i);
    std::vector<double> values(found.begin(), found.end());
    if (method_ == GpuMethod::gram) {
      for (double& value : values) value = std::sqrt(std::max(value, 0.0));
      std::reverse(values.begin(), values.end());
    }
    if (batch.queries_and_keys() != nullptr) {
      item.look.squares = lane.heads().squares(i);
      spectrum.storage_error = lane.heads().storage_error(i);
    }
    if (lane.info(i) != 0 || !squares_agree(values, item.look.squares, batch.shape())) {
      spectrum.status = SvdStatus::not_converged;
      continue;
    }
    for (double& value : values) value *= item.look.scale;
    spectrum.error_bound =
        (method_ == GpuMethod::gram ? gram_error_bound : direct_error_bound)(batch.shape(), values.front());
    spectrum.values = std::move(values);
  }
  items.clear();
}

/// What goes to the card of matrices [first, end): the finite ones. Queries and keys make no others, and halves are
/// looked at on their way.
std::vector<GpuSpectra::Item> GpuSpectra::screened(const MatrixBatch& batch, std::size_t first, std::size_t end,
                                                   std::vector<Spectrum>& spectra) const {
  std::vector<Item> items(end - first);
  for (std::size_t i = 0; i < items.size(); ++i) items[i].index = first + i;
  if (batch.queries_and_keys() != nullptr || batch.numbers() == BatchNumbers::halves) return items;
  for_each_index(items.size(), threads_, [&](std::size_t i, std::size_t) {
    Item& item = items[i];
    item.look = look_at(batch.matrix(item.index));
    if (!item.look.seen.finite) spectra[item.index].status = SvdStatus::not_finite;
  });
  std::erase_if(items, [&](const Item& item) { return spectra[item.index].status != SvdStatus::ok; });
  return items;
}

std::vector<Spectrum> GpuSpectra::operator()(const MatrixBatch& batch) {
  std::vector<Spectrum> spectra(batch.size());
  for (std::size_t b = 0; b < batch.size(); ++b) {
    spectra[b].id = batch.id(b);
    spectra[b].method = method_ == GpuMethod::gram ? "gram" : "direct";
  }
  if (batch.size() == 0 || batch.shape().elements() == 0) return spectra;

  wait_for_lanes();
  prepare(task_of(batch), batch.size());
  const std::size_t cut = lanes_[0].capacity();
  unsigned stream = 0;
  std::size_t end = std::min(cut, in_whole_calls(first_cut, lanes_[0].a_call()));
  for (std::size_t first = 0; first < batch.size(); first = end, end += cut) {
    std::vector<Item> items = screened(batch, first, std::min(end, batch.size()), spectra);
    finish(stream, batch, spectra);
    if (!items.empty()) start(stream, batch, std::move(items));
    stream = (stream + 1) % lanes_made_;
  }
  for (unsigned rest = 0; rest < lanes_made_; ++rest) finish((stream + rest) % lanes_made_, batch, spectra);
  return spectra;
}

}  // namespace attnspec
