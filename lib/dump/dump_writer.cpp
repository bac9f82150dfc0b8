// The canonical layout, written through a temporary name.
#include "lib/dump/dump_writer.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <vector>

#include "lib/core/error.hpp"
#include "lib/core/half.hpp"
#include "lib/dump/hdf5_output.hpp"

namespace attnspec {
namespace {

Hdf5Handle file_type(StoredType type) {
  if (type == StoredType::float64) return {H5Tcopy(H5T_IEEE_F64LE), H5Tclose};
  Hdf5Handle id(H5Tcopy(H5T_IEEE_F32LE), H5Tclose);
  if (type == StoredType::float32) return id;
  if (type != StoredType::float16) throw Error(ErrorKind::internal, "dumps are written in float16, float32 or float64");
  // IEEE half: sign 15, exponent 5 bits from 10, mantissa 10 bits from 0, bias 15.
  check_write(H5Tset_fields(id.get(), 15, 10, 5, 0, 10), "float16", "can not be described");
  check_write(H5Tset_size(id.get(), 2), "float16", "can not be described");
  check_write(H5Tset_ebias(id.get(), 15), "float16", "can not be described");
  return id;
}

}  // namespace

struct DumpWriter::Open {
  Hdf5Output out;
  DumpHeader header;
  Hdf5Handle attention, query, key;

  Open(const std::string& file, const DumpHeader& h) : out(file), header(h) {}

  Hdf5Handle tiles(const std::string& path, std::size_t cols) {
    const Hdf5Handle type = file_type(header.type);
    const std::array shape{header.samples, header.layers, header.heads, header.n, cols};
    const std::array<std::size_t, 5> chunk{1, 1, 1, header.n, cols};
    const double nan = std::numeric_limits<double>::quiet_NaN();
    // The fill value is given as a double and converted, so its type must be one that HDF5 converts from.
    std::array<unsigned char, 8> fill{};
    std::copy_n(reinterpret_cast<const unsigned char*>(&nan), sizeof nan, fill.begin());
    check_write(H5Tconvert(H5T_NATIVE_DOUBLE, type.get(), 1, fill.data(), nullptr, H5P_DEFAULT), path,
                "has no fill value");
    return out.make_dataset(path, type.get(), shape, chunk, fill.data(), header.deflate);
  }

  void write(const Hdf5Handle& dataset, const MatrixId& id, std::size_t cols, std::span<const double> values) {
    const std::array<std::size_t, 5> start{id.sample, id.layer, id.head, 0, 0};
    const std::array<std::size_t, 5> count{1, 1, 1, header.n, cols};
    if (header.type != StoredType::float16) return out.write_doubles(dataset, start, count, values);
    std::vector<std::uint16_t> halves(values.size());
    std::transform(values.begin(), values.end(), halves.begin(), to_half);
    out.write_raw(dataset, start, count, halves.data());
  }
};

DumpWriter::DumpWriter(const std::string& file, const DumpHeader& header)
    : open_(std::make_unique<Open>(file, header)) {
  const auto lock = hdf5_lock();
  Hdf5Output& out = open_->out;
  out.set_integer("/", "complete", 0);
  out.set_text("/", "schema", "attnspec-1");
  out.set_text("/", "model_id", header.model);
  out.set_text("/", "creator", "attnspec synth");
  out.set_text("/", "mask_kind", name_of(header.rule.mask));
  out.set_text("/", "stack", header.rule.mask.kind == AttentionMask::Kind::causal ? "decoder" : "encoder");
  out.set_text("/", "row_sum", "one");
  out.set_text("/", "stage", "probs");
  out.set_number("/", "scale", header.rule.scale);
  out.set_number("/", "softcap", header.rule.softcap);
  out.set_integer("/", "n_layers", static_cast<long long>(header.layers));
  out.set_integer("/", "n_heads", static_cast<long long>(header.heads));
  out.set_integer("/", "n_kv_heads", static_cast<long long>(header.heads));
  out.set_integer("/", "head_dim", static_cast<long long>(header.head_dim));
  if (header.head_dim == 0) {
    open_->attention = open_->tiles("/attention", header.n);
  } else {
    open_->query = open_->tiles("/query", header.head_dim);
    open_->key = open_->tiles("/key", header.head_dim);
  }
}

DumpWriter::~DumpWriter() = default;

void DumpWriter::write_attention(const MatrixId& id, std::span<const double> attention) {
  open_->write(open_->attention, id, open_->header.n, attention);
}

void DumpWriter::write_query_key(const MatrixId& id, std::span<const double> query, std::span<const double> key) {
  open_->write(open_->query, id, open_->header.head_dim, query);
  open_->write(open_->key, id, open_->header.head_dim, key);
}

void DumpWriter::finish() {
  for (Hdf5Handle* dataset : {&open_->attention, &open_->query, &open_->key}) open_->out.close(*dataset);
  open_->out.set_integer("/", "complete", 1);
  open_->out.finish();
}

}  // namespace attnspec
