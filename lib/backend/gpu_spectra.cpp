// Two lanes in turn: while one computes, the other's matrices are gathered and copied.
#include "lib/backend/gpu_spectra.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <utility>

#include "lib/backend/backend.hpp"
#include "lib/backend/gpu_routes.hpp"
#include "lib/backend/gpu_two_stage.hpp"
#include "lib/backend/screening.hpp"
#include "lib/core/error.hpp"
#include "lib/core/norms.hpp"
#include "lib/core/parallel.hpp"

namespace attnspec {
namespace {

/// cuSOLVER's batched solver counts bytes in 32 bits, and refuses very many small matrices.
std::size_t most_in_a_call(std::size_t n) {
  constexpr std::size_t most_matrices = 16384, most_bytes = std::numeric_limits<int>::max();
  return std::min(most_matrices, std::max<std::size_t>(1, most_bytes / (n * n * sizeof(double))));
}
constexpr std::size_t cuts_of_a_batch = 4;  // so that copies hide behind computing
constexpr std::size_t least_cut = 64;       // below which a card is not filled

QueryKeyKind kind_of(const MatrixBatch& batch) {
  const QueryKeyHeads* heads = batch.queries_and_keys();
  return {batch.shape(), heads == nullptr ? 0 : heads->rank, heads != nullptr && !heads->biases.empty()};
}

}  // namespace

GpuSpectra::GpuSpectra(GpuDevice& device, GpuMethod method, std::size_t budget, unsigned threads,
                       std::optional<GpuEigenRoute> route)
    : device_(device), method_(method), budget_(budget), threads_(threads), route_(route) {}

GpuSpectra::~GpuSpectra() { wait_for_lanes(); }

/// Nothing is under way any more, whatever became of it: memory that the card reads must not be touched before.
void GpuSpectra::wait_for_lanes() noexcept {
  for (unsigned stream = 0; stream < GpuDevice::streams; ++stream) {
    if (lanes_[stream].items.empty()) continue;
    lanes_[stream].items.clear();
    try {
      device_.wait(stream);
    } catch (const GpuFailure&) {  // it does no more harm
    }
  }
}

/// The solver of singular values wants matrices that are not higher than wide.
bool GpuSpectra::turned(MatrixShape shape) const { return method_ == GpuMethod::direct && shape.rows > shape.cols; }

/// Beside a matrix: its Gram matrix, or itself turned over.
std::size_t GpuSpectra::spare_numbers(MatrixShape shape) const {
  if (method_ == GpuMethod::gram) return shape.smaller_side() * shape.smaller_side();
  return turned(shape) ? shape.elements() : 0;
}

GpuEigenRoute GpuSpectra::route(std::size_t n) const { return route_ ? *route_ : route_of(n); }

std::size_t GpuSpectra::workspace_bytes(MatrixShape shape, std::size_t count) {
  const std::size_t n = shape.smaller_side();
  if (method_ == GpuMethod::direct) return device_.singular_value_workspace({n, shape.elements() / n}, count);
  return route(n) == GpuEigenRoute::two_stage ? two_stage_workspace(device_, n, count)
                                              : device_.eigenvalue_workspace(route(n), n, count);
}

std::size_t GpuSpectra::bytes_a_lane(const QueryKeyKind& kind, std::size_t count) {
  const MatrixShape shape = kind.shape;
  const std::size_t numbers = shape.elements() + spare_numbers(shape) + shape.smaller_side();
  return count * (numbers * sizeof(double) + sizeof(int)) + workspace_bytes(shape, count) +
         (kind.rank == 0 ? GpuUpload::bytes_on_card(count * shape.elements())
                         : GpuQueryKeys::bytes_on_card(kind, count));
}

/// The most matrices that a lane may take at once, 0 where the budget holds none.
std::size_t GpuSpectra::cut_of(const QueryKeyKind& kind, std::size_t wanted) {
  const std::size_t room = budget_ / GpuDevice::streams;
  std::size_t fits = 0, too_many = std::min({wanted, most_in_a_call(kind.shape.smaller_side()),
                                             std::max(least_cut, wanted / cuts_of_a_batch + 1)}) +
                                   1;
  while (too_many - fits > 1) {
    const std::size_t middle = (fits + too_many) / 2;
    (bytes_a_lane(kind, middle) <= room ? fits : too_many) = middle;
  }
  return fits;
}

bool GpuSpectra::allocate(Lane& lane, const QueryKeyKind& kind, std::size_t count) {
  lane = {};
  const MatrixShape shape = kind.shape;
  const std::size_t n = shape.smaller_side(), spare = spare_numbers(shape);
  lane.workspace_bytes = workspace_bytes(shape, count);
  lane.matrices = {device_, count * shape.elements()};
  if (spare > 0) lane.grams = {device_, count * spare};
  lane.values = {device_, count * n};
  lane.info = {device_, count};
  lane.workspace = {device_, lane.workspace_bytes};
  lane.values_on_host = {device_, count * n, true};
  lane.info_on_host = {device_, count, true};
  if (kind.rank == 0)
    lane.upload = {device_, count * shape.elements()};
  else
    lane.heads = {device_, kind, count};
  const bool whole = lane.matrices && (lane.upload || lane.heads) && (lane.grams || spare == 0) && lane.values &&
                     lane.info && lane.workspace && lane.values_on_host && lane.info_on_host;
  if (!whole) lane = {};
  lane.capacity = whole ? count : 0;
  return whole;
}

/// Lanes for matrices of this kind; smaller ones where the card has less room than it said.
void GpuSpectra::prepare(const QueryKeyKind& kind, std::size_t wanted) {
  std::size_t cut = cut_of(kind, wanted);
  if (kind == kind_ && lanes_[0].capacity >= cut && cut > 0) return;
  kind_ = {};
  for (Lane& lane : lanes_) lane = {};
  for (; cut > 0; cut /= 2) {
    const auto have = [&](Lane& lane) { return allocate(lane, kind, cut); };
    if (std::all_of(lanes_.begin(), lanes_.end(), have)) {
      kind_ = kind;
      return;
    }
    for (Lane& lane : lanes_) lane = {};
  }
  const std::size_t least = GpuDevice::streams * bytes_a_lane(kind, 1);
  throw Error(ErrorKind::limit, "the GPU has no room for matrices of " + std::to_string(kind.shape.rows) + " x " +
                                    std::to_string(kind.shape.cols) + ": two of them with their workspace take " +
                                    std::to_string((least >> 20) + 1) + " MiB, and it may use " +
                                    std::to_string(budget_ >> 20) +
                                    " MiB (--max-memory-device) of what other programs leave; or take --device cpu");
}

/// Queues everything up to the values' way back.
void GpuSpectra::start(unsigned stream, const MatrixBatch& batch, std::vector<Item> chosen) {
  Lane& lane = lanes_[stream];
  const MatrixShape shape = batch.shape();
  const std::size_t n = shape.smaller_side(), elements = shape.elements(), count = chosen.size();
  lane.items = std::move(chosen);
  const std::vector<Item>& items = lane.items;
  if (const QueryKeyHeads* heads = batch.queries_and_keys()) {
    lane.heads.start(device_, stream, threads_, *heads, items.front().index, count, lane.matrices.get());
  } else if (batch.numbers() == BatchNumbers::halves) {
    std::vector<std::span<const std::uint16_t>> blocks;
    for (const Item& item : items) blocks.push_back(batch.halves(item.index));
    lane.upload.send_halves(device_, stream, threads_, blocks, lane.matrices.get());
  } else {
    std::vector<UploadBlock> blocks;
    for (const Item& item : items) blocks.push_back({batch.matrix(item.index), blocks.size() * elements, item.scale});
    lane.upload.send(device_, stream, threads_, blocks, lane.matrices.get());
  }
  device_.fill_zero(stream, lane.workspace.get(), lane.workspace_bytes);
  if (method_ == GpuMethod::gram) {
    // The smaller of P P^T and P^T P.
    const bool rows = shape.rows <= shape.cols;
    const GpuMatrices plain{lane.matrices.get(), shape.cols, elements, false},
        turned_over{lane.matrices.get(), shape.cols, elements, true};
    device_.multiply(stream, {n, n, elements / n, count, rows ? plain : turned_over, rows ? turned_over : plain,
                              lane.grams.get(), n, n * n, 1, 0});
    if (route(n) == GpuEigenRoute::two_stage)
      two_stage_eigenvalues(device_, stream, n, count, lane.grams.get(), lane.values.get(), lane.info.get(),
                            lane.workspace.get());
    else
      device_.eigenvalues(stream, route(n), n, count, lane.grams.get(), lane.values.get(), lane.info.get(),
                          lane.workspace.get(), lane.workspace_bytes);
  } else {
    double* wide = turned(shape) ? lane.grams.get() : lane.matrices.get();
    if (turned(shape)) device_.transpose(stream, shape, count, lane.matrices.get(), wide);
    device_.singular_values(stream, {n, elements / n}, count, wide, lane.values.get(), lane.info.get(),
                            lane.workspace.get(), lane.workspace_bytes);
  }
  device_.download(stream, lane.values_on_host.get(), lane.values.get(), count * n * sizeof(double));
  device_.download(stream, lane.info_on_host.get(), lane.info.get(), count * sizeof(int));
}

void GpuSpectra::finish(unsigned stream, const MatrixBatch& batch, std::vector<Spectrum>& spectra) {
  Lane& lane = lanes_[stream];
  if (lane.items.empty()) return;
  device_.wait(stream);
  const std::size_t n = batch.shape().smaller_side();
  for (std::size_t i = 0; i < lane.items.size(); ++i) {
    Item& item = lane.items[i];
    Spectrum& spectrum = spectra[item.index];
    const double* found = lane.values_on_host.get() + i * n;
    std::vector<double> values(found, found + n);
    if (method_ == GpuMethod::gram) {
      for (double& value : values) value = std::sqrt(std::max(value, 0.0));
      std::reverse(values.begin(), values.end());
    }
    if (batch.queries_and_keys() != nullptr) {
      item.squares = lane.heads.squares(i);
      spectrum.storage_error = lane.heads.storage_error(i);
    }
    if (lane.info_on_host.get()[i] != 0 || !squares_agree(values, item.squares, batch.shape())) {
      spectrum.status = SvdStatus::not_converged;
      continue;
    }
    for (double& value : values) value *= item.scale;
    spectrum.error_bound =
        (method_ == GpuMethod::gram ? gram_error_bound : direct_error_bound)(batch.shape(), values.front());
    spectrum.values = std::move(values);
  }
  lane.items.clear();
}

/// What goes to the card: finite matrices. Queries and keys make no others.
std::vector<GpuSpectra::Item> GpuSpectra::screened(const MatrixBatch& batch, std::vector<Spectrum>& spectra) const {
  std::vector<Item> items(batch.size());
  for (std::size_t b = 0; b < items.size(); ++b) items[b].index = b;
  if (batch.queries_and_keys() != nullptr) return items;
  for_each_index(batch.size(), threads_, [&](std::size_t b, std::size_t) {
    std::vector<double> room, scaled;
    std::span<const double> entries = batch.doubles(b, room);
    const Screening seen = screen(entries);
    if (!seen.finite) spectra[b].status = SvdStatus::not_finite;
    items[b].scale = scale_of(seen.largest);  // 1 for any halves
    if (items[b].scale != 1) {
      scaled.resize(entries.size());
      copy_scaled(entries, items[b].scale, scaled.data());
      entries = scaled;
    }
    items[b].squares = sum_of_squares(entries);
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
  const std::vector<Item> items = screened(batch, spectra);
  if (items.empty() || batch.shape().elements() == 0) return spectra;

  wait_for_lanes();
  prepare(kind_of(batch), items.size());
  const std::size_t cut = lanes_[0].capacity;
  unsigned stream = 0;
  for (std::size_t first = 0; first < items.size(); first += cut) {
    const auto from = items.begin() + static_cast<std::ptrdiff_t>(first);
    const auto to = items.begin() + static_cast<std::ptrdiff_t>(std::min(first + cut, items.size()));
    finish(stream, batch, spectra);
    start(stream, batch, {from, to});
    stream = (stream + 1) % GpuDevice::streams;
  }
  for (unsigned rest = 0; rest < GpuDevice::streams; ++rest)
    finish((stream + rest) % GpuDevice::streams, batch, spectra);
  return spectra;
}

}  // namespace attnspec
