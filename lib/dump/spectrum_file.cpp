// Spectra into HDF5, one row a head, so that memory does not grow with samples.
#include "lib/dump/spectrum_file.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

#include "lib/dump/hdf5_output.hpp"

namespace attnspec {
namespace {

std::vector<long long> to_integers(const std::vector<std::size_t>& values) { return {values.begin(), values.end()}; }

std::size_t place_of(const std::vector<std::size_t>& rising, std::size_t value) {
  return static_cast<std::size_t>(std::lower_bound(rising.begin(), rising.end(), value) - rising.begin());
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

}  // namespace

struct SpectrumFile::Open {
  Hdf5Output out;
  Selection selection;
  std::string group;
  Hdf5Handle sigma, status, method, error_bound;

  explicit Open(const std::string& file) : out(file) {}

  void close_datasets() {
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
  const std::size_t longest =
      std::max<std::size_t>(1, lengths.empty() ? 1 : *std::max_element(lengths.begin(), lengths.end()));

  const std::size_t layers = selection.layers.size(), heads = selection.heads.size();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::array shape{selection.samples.size(), layers, heads, longest};
  const std::array<std::size_t, 4> chunk{1, 1, 1, longest};
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
  out.set_text(group + "/", "method_names", "0 gram, 1 direct, 2 direct32, 3 reference, 4 gram-lapack, -1 not computed");
}

void SpectrumFile::add(const Spectrum& spectrum) {
  const Selection& selection = open_->selection;
  const std::size_t s = place_of(selection.samples, spectrum.id.sample);
  const std::size_t l = place_of(selection.layers, spectrum.id.layer), h = place_of(selection.heads, spectrum.id.head);
  // As they are stored: HDF5 clears a megabyte before each conversion.
  const auto write = [&](const Hdf5Handle& dataset, const auto value) {
    const std::array<std::size_t, 3> at{s, l, h}, one{1, 1, 1};
    open_->out.write_raw(dataset, at, one, &value);
  };
  write(open_->status, static_cast<signed char>(spectrum.status));
  if (spectrum.status != SvdStatus::ok) return;
  write(open_->method, number_of(spectrum.method));
  write(open_->error_bound, spectrum.error_bound);
  const std::array<std::size_t, 4> start{s, l, h, 0}, count{1, 1, 1, spectrum.values.size()};
  open_->out.write_doubles(open_->sigma, start, count, spectrum.values);
}

void SpectrumFile::finish(const std::string& manifest) {
  open_->close_datasets();
  open_->out.set_text("/", "manifest", manifest);
  open_->out.finish();
}

}  // namespace attnspec
