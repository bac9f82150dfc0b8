// Raw reads by hyperslab, and the decoders of stored numbers.
#include "lib/dump/chunk_reader.hpp"

#include <bit>
#include <cstdint>
#include <cstring>
#include <map>
#include <utility>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "lib/core/error.hpp"
#include "lib/dump/half.hpp"
#include "lib/dump/hdf5_handle.hpp"

namespace attnspec {
namespace {

constexpr std::size_t most_integers = 50'000'000;

#if defined(__x86_64__)
__attribute__((target("avx,f16c"))) std::size_t decode_halves_f16c(const std::byte* bytes, std::span<double> out) {
  std::size_t i = 0;
  for (; i + 4 <= out.size(); i += 4) {
    const __m128i halves = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(bytes + 2 * i));
    _mm256_storeu_pd(out.data() + i, _mm256_cvtps_pd(_mm_cvtph_ps(halves)));
  }
  return i;
}
#endif

template <class Stored>
Stored load(const std::byte* bytes, bool swap) {
  Stored value;
  std::memcpy(&value, bytes, sizeof value);
  if (swap) {
    if constexpr (sizeof value == 2) value = static_cast<Stored>(__builtin_bswap16(value));
    if constexpr (sizeof value == 4) value = __builtin_bswap32(value);
    if constexpr (sizeof value == 8) value = __builtin_bswap64(value);
  }
  return value;
}

template <class Stored, class Widen>
void widen_each(std::span<const std::byte> bytes, bool swap, std::size_t from, std::span<double> out, Widen widen) {
  for (std::size_t i = from; i < out.size(); ++i) out[i] = widen(load<Stored>(bytes.data() + i * sizeof(Stored), swap));
}

}  // namespace

void decode(StoredType type, bool big_endian, std::span<const std::byte> bytes, std::span<double> out) {
  const bool swap = big_endian != (std::endian::native == std::endian::big);
  switch (type) {
    case StoredType::float16: {
      std::size_t done = 0;
#if defined(__x86_64__)
      if (!swap && __builtin_cpu_supports("f16c") && __builtin_cpu_supports("avx"))
        done = decode_halves_f16c(bytes.data(), out);
#endif
      return widen_each<std::uint16_t>(bytes, swap, done, out, from_half);
    }
    case StoredType::bfloat16:
      return widen_each<std::uint16_t>(bytes, swap, 0, out, [](std::uint16_t bits) {
        return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16));
      });
    case StoredType::float32:
      return widen_each<std::uint32_t>(
          bytes, swap, 0, out, [](std::uint32_t bits) { return static_cast<double>(std::bit_cast<float>(bits)); });
    case StoredType::float64:
      return widen_each<std::uint64_t>(bytes, swap, 0, out,
                                       [](std::uint64_t bits) { return std::bit_cast<double>(bits); });
    default: throw Error(ErrorKind::internal, "asked to decode numbers that are no floating point");
  }
}

struct ChunkReader::Open {
  Hdf5Handle file;
  std::map<std::string, Hdf5Handle> datasets;

  hid_t dataset(const std::string& where, const std::string& path) {
    auto found = datasets.find(path);
    if (found == datasets.end()) {
      Hdf5Handle id =
          owned(H5Dopen2(file.get(), path.c_str(), H5P_DEFAULT), H5Dclose, where + ": " + path, "can not be opened");
      found = datasets.emplace(path, std::move(id)).first;
    }
    return found->second.get();
  }
};

ChunkReader::ChunkReader(std::string file) : file_(std::move(file)), open_(std::make_unique<Open>()) {
  const auto lock = hdf5_lock();
  open_->file = owned(H5Fopen(file_.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose, file_, "can not be opened");
}

ChunkReader::~ChunkReader() {
  const auto lock = hdf5_lock();
  open_.reset();
}

std::vector<long long> ChunkReader::integers(const std::string& dataset) {
  const auto lock = hdf5_lock();
  const std::string where = file_ + ": " + dataset;
  const hid_t id = open_->dataset(file_, dataset);
  const Hdf5Handle space = owned(H5Dget_space(id), H5Sclose, where, "has no shape");
  const hssize_t count = H5Sget_simple_extent_npoints(space.get());
  if (count < 0 || static_cast<std::size_t>(count) > most_integers)
    throw Error(ErrorKind::input, where + " holds " + std::to_string(count) + " numbers, expected one a sample");
  std::vector<long long> values(static_cast<std::size_t>(count));
  check_read(H5Dread(id, H5T_NATIVE_LLONG, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), where, "can not be read");
  return values;
}

void ChunkReader::read(const TileSource& source, const Window& window, std::span<double> out) {
  const std::size_t axes = source.shape.size();
  std::vector<hsize_t> start(axes, 0), count(axes, 1);
  const auto place = [&](const std::optional<std::size_t>& axis, std::size_t at, std::size_t how_many) {
    if (!axis || source.shape[*axis] == 1) return;  // one for all
    start[*axis] = at;
    count[*axis] = how_many;
  };
  place(source.sample_axis, window.sample, 1);
  place(source.layer_axis, window.layer, 1);
  place(source.head_axis, window.head, window.heads);
  start[axes - 2] = window.row;
  count[axes - 2] = window.rows;
  start[axes - 1] = window.col;
  count[axes - 1] = window.cols;

  const std::size_t bytes = out.size() * bytes_of(source.type);
  raw_.resize(bytes);
  {
    const auto lock = hdf5_lock();
    const std::string where = file_ + ": " + source.dataset;
    const hid_t id = open_->dataset(file_, source.dataset);
    const Hdf5Handle file_space = owned(H5Dget_space(id), H5Sclose, where, "has no shape");
    check_read(H5Sselect_hyperslab(file_space.get(), H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr),
               where, "has no such part");
    // Of the file's rank: between unlike ranks HDF5 copies number by number.
    const Hdf5Handle memory_space =
        owned(H5Screate_simple(static_cast<int>(axes), count.data(), nullptr), H5Sclose, where, "can not be read");
    const Hdf5Handle type = owned(H5Dget_type(id), H5Tclose, where, "has no type");
    check_read(H5Dread(id, type.get(), memory_space.get(), file_space.get(), H5P_DEFAULT, raw_.data()), where,
               ("can not be read at sample " + std::to_string(window.sample) + ", layer " +
                std::to_string(window.layer) + ": its bytes are damaged, or the file is cut off; copy or dump it again")
                   .c_str());
  }
  decode(source.type, source.big_endian, raw_, out);
}

}  // namespace attnspec
