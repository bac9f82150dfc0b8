// Spectra into HDF5, one row a head, so that memory does not grow with samples.
#include "lib/dump/spectrum_file.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "lib/dump/hdf5_output.hpp"

namespace attnspec {
namespace {

std::vector<long long> to_integers(const std::vector<std::size_t>& values) { return {values.begin(), values.end()}; }

std::size_t place_of(const std::vector<std::size_t>& rising, std::size_t value) {
  return static_cast<std::size_t>(std::lower_bound(rising.begin(), rising.end(), value) - rising.begin());
}

/// A layer is a chunk, and so one write; many long ones are cut where HDF5's cache of chunks ends.
std::size_t heads_in_chunk(std::size_t heads, std::size_t values) {
  constexpr std::size_t most_bytes = std::size_t{1} << 20;
  return std::clamp<std::size_t>(most_bytes / (values * sizeof(double)), 1, std::max<std::size_t>(1, heads));
}

constexpr std::array method_names{"gram", "direct", "direct32", "reference", "gram-lapack"};

/// -1 where it is none of them.
signed char number_of(const std::string& method) {
  const auto found = std::find(method_names.begin(), method_names.end(), method);
  return static_cast<signed char>(found == method_names.end() ? -1 : found - method_names.begin());
}

void write_list(Hdf5Output& out, const std::string& path, const std::vector<std::size_t>& values) {
  const std::array shape{values.size()};
  out.write_integers(path, shape, to_integers(values));
}

/// The heads of one layer of one sample, which are written together: HDF5 takes longer for a call than for its numbers.
struct Layer {
  static constexpr double nan = std::numeric_limits<double>::quiet_NaN();

  std::size_t sample, layer;
  std::vector<double> sigma, error_bound;
  std::vector<signed char> status, method;

  Layer(std::size_t s, std::size_t l, std::size_t heads, std::size_t values)
      : sample(s),
        layer(l),
        sigma(heads * values, nan),
        error_bound(heads, nan),
        status(heads, -1),
        method(heads, -1) {}
};

}  // namespace

struct SpectrumFile::Open {
  Hdf5Output out;
  Selection selection;
  std::string group;
  Hdf5Handle sigma, status, method, error_bound;
  std::size_t longest = 1;  ///< values of a matrix
  std::optional<Layer> layer;

  explicit Open(const std::string& file) : out(file) {}

  void write_layer() {
    if (!layer) return;
    const std::size_t heads = selection.heads.size();
    const std::array<std::size_t, 4> at{layer->sample, layer->layer, 0, 0}, all{1, 1, heads, longest};
    out.write_raw(sigma, at, all, layer->sigma.data());
    const auto first = std::span(at).first(3), count = std::span(all).first(3);
    out.write_raw(status, first, count, layer->status.data());
    out.write_raw(method, first, count, layer->method.data());
    out.write_raw(error_bound, first, count, layer->error_bound.data());
    layer.reset();
  }

  void close_datasets() {
    write_layer();
    for (Hdf5Handle* dataset : {&sigma, &status, &method, &error_bound}) out.close(*dataset);
  }
};

SpectrumFile::SpectrumFile(const std::string& file) : open_(std::make_unique<Open>(file)) {}
SpectrumFile::~SpectrumFile() = default;

void SpectrumFile::begin_dump(const std::string& group, const DumpInfo& info, const Selection& selection) {
  const auto lock = hdf5_lock();
  Hdf5Output& out = open_->out;
  open_->close_datasets();
  open_->selection = selection;
  open_->group = group;
  if (!group.empty()) out.make_group(group);
  std::vector<std::size_t> lengths;
  for (const std::size_t sample : selection.samples) lengths.push_back(info.shape_of(sample).smaller_side());
  const std::size_t longest = open_->longest =
      std::max<std::size_t>(1, lengths.empty() ? 1 : *std::max_element(lengths.begin(), lengths.end()));

  const std::size_t layers = selection.layers.size(), heads = selection.heads.size();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::array shape{selection.samples.size(), layers, heads, longest};
  const std::array<std::size_t, 4> chunk{1, 1, heads_in_chunk(heads, longest), longest};
  open_->sigma = out.make_dataset(group + "/sigma", H5T_IEEE_F64LE, shape, chunk, &nan, false);
  const std::array one_a_matrix{selection.samples.size(), layers, heads};
  const std::array<std::size_t, 3> sample{1, layers, heads};
  const signed char none = -1;
  open_->status = out.make_dataset(group + "/status", H5T_STD_I8LE, one_a_matrix, sample, &none, false);
  open_->method = out.make_dataset(group + "/method", H5T_STD_I8LE, one_a_matrix, sample, &none, false);
  open_->error_bound = out.make_dataset(group + "/error_bound", H5T_IEEE_F64LE, one_a_matrix, sample, &nan, false);
  write_list(out, group + "/length", lengths);
  write_list(out, group + "/samples", selection.samples);
  write_list(out, group + "/layers", selection.layers);
  write_list(out, group + "/heads", selection.heads);
  out.set_text(group + "/", "dump", info.file);
  out.set_text(group + "/", "model", info.model);
  out.set_text(group + "/", "status_names", "0 ok, 1 not_finite, 2 not_converged, 3 not_attention, -1 not computed");
  out.set_text(group + "/", "method_names",
               "0 gram, 1 direct, 2 direct32, 3 reference, 4 gram-lapack, -1 not computed");
}

void SpectrumFile::add(const Spectrum& spectrum) {
  const Selection& selection = open_->selection;
  const std::size_t s = place_of(selection.samples, spectrum.id.sample);
  const std::size_t l = place_of(selection.layers, spectrum.id.layer), h = place_of(selection.heads, spectrum.id.head);
  std::optional<Layer>& layer = open_->layer;
  if (layer && (layer->sample != s || layer->layer != l)) open_->write_layer();
  if (!layer) layer.emplace(s, l, selection.heads.size(), open_->longest);
  layer->status[h] = static_cast<signed char>(spectrum.status);
  if (spectrum.status != SvdStatus::ok) return;
  layer->method[h] = number_of(spectrum.method);
  layer->error_bound[h] = spectrum.error_bound;
  std::copy(spectrum.values.begin(), spectrum.values.end(),
            layer->sigma.begin() + static_cast<std::ptrdiff_t>(h * open_->longest));
}

void SpectrumFile::finish(const std::string& manifest) {
  open_->close_datasets();
  open_->out.set_text("/", "manifest", manifest);
  open_->out.finish();
}

}  // namespace attnspec
