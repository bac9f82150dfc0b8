// Walking an HDF5 file's groups, with the guards of a hostile file.
#include "lib/dump/catalog_reader/walk.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <set>
#include <utility>

#include "lib/core/error.hpp"
#include "lib/dump/catalog_reader/chunk_places.hpp"
#include "lib/dump/catalog_reader/hdf5_attributes.hpp"
#include "lib/dump/hdf5_handle.hpp"

namespace attnspec {
namespace {

constexpr int deepest_group = 8;
constexpr std::size_t most_numbers = 2'000'000;
constexpr int most_axes = 8;
constexpr H5Z_filter_t lzf = 32000;  // as h5py registered it

[[noreturn]] void refuse(const std::string& file, const std::string& reason) {
  throw Error(ErrorKind::input, file + ": " + reason);
}

StoredType float_type(hid_t type) {
  std::size_t sign = 0, exponent = 0, exponent_bits = 0, mantissa = 0, mantissa_bits = 0;
  if (H5Tget_fields(type, &sign, &exponent, &exponent_bits, &mantissa, &mantissa_bits) < 0 || mantissa != 0)
    return StoredType::other;
  const std::size_t bytes = H5Tget_size(type);
  if (exponent_bits == 5 && mantissa_bits == 10 && bytes == 2) return StoredType::float16;
  if (exponent_bits == 8 && mantissa_bits == 7 && bytes == 2) return StoredType::bfloat16;
  if (exponent_bits == 8 && mantissa_bits == 23 && bytes == 4) return StoredType::float32;
  if (exponent_bits == 11 && mantissa_bits == 52 && bytes == 8) return StoredType::float64;
  return StoredType::other;
}

/// Whole numbers that stand for others: bfloat16 as its bits, and steps of a scale.
StoredType integer_type(hid_t type, CatalogEntry& entry) {
  const auto bits = entry.attributes.find("bits");
  if (H5Tget_size(type) == 2 && bits != entry.attributes.end() &&
      bits->second == AttributeValue(std::vector<std::string>{"bfloat16"}))
    return StoredType::bfloat16;
  const auto scale = entry.attributes.find("scale");
  if (H5Tget_size(type) != 1 || H5Tget_sign(type) != H5T_SGN_NONE || scale == entry.attributes.end())
    return StoredType::integer;
  const auto* unit = std::get_if<std::vector<double>>(&scale->second);
  if (unit == nullptr || unit->size() != 1 || !(unit->front() > 0) || std::isinf(unit->front()))
    return StoredType::integer;
  entry.encoding.unit = unit->front();
  return StoredType::uint8;
}

void describe_type(hid_t type, CatalogEntry& entry) {
  Encoding& encoding = entry.encoding;
  encoding.big_endian = H5Tget_order(type) == H5T_ORDER_BE;
  switch (H5Tget_class(type)) {
    case H5T_FLOAT: encoding.type = float_type(type); break;
    case H5T_INTEGER: encoding.type = integer_type(type, entry); break;
    case H5T_COMPOUND: entry.type_name = "a compound type (complex numbers are stored so)"; break;
    case H5T_VLEN: entry.type_name = "a variable-length type"; break;
    case H5T_STRING: entry.type_name = "strings"; break;
    default: entry.type_name = "a type that holds no numbers"; break;
  }
  if (entry.type_name.empty())
    entry.type_name = std::string(name_of(encoding.type)) + (encoding.big_endian ? " big-endian" : "");
}

std::optional<Filter> filter_of(H5Z_filter_t id) {
  switch (id) {
    case H5Z_FILTER_SHUFFLE: return Filter::shuffle;
    case H5Z_FILTER_DEFLATE: return Filter::deflate;
    case H5Z_FILTER_FLETCHER32: return Filter::fletcher32;
    case lzf: return Filter::lzf;
    default: return std::nullopt;
  }
}

void describe_filters(hid_t plist, CatalogEntry& entry) {
  for (int i = 0; i < H5Pget_nfilters(plist); ++i) {
    unsigned flags = 0, config = 0;
    std::size_t values = 0;
    std::array<char, 64> name{};
    const H5Z_filter_t id =
        H5Pget_filter2(plist, static_cast<unsigned>(i), &flags, &values, nullptr, name.size(), name.data(), &config);
    name.back() = 0;
    entry.filters += (entry.filters.empty() ? "" : ", ") + std::string(name.data());
    if (const auto filter = filter_of(id))
      entry.pipeline.push_back(*filter);
    else
      entry.refusal = "is compressed with filter " + std::to_string(id) + " (" + name.data() +
                      "), which is not read here. Re-save it with gzip: h5repack -f SHUF -f GZIP=1 OLD.h5 NEW.h5";
  }
}

/// The layout of the bytes, as far as the creation list tells it.
H5D_layout_t describe_storage(hid_t plist, CatalogEntry& entry) {
  const H5D_layout_t layout = H5Pget_layout(plist);
  if (layout == H5D_VIRTUAL)
    entry.refusal = "is a virtual dataset: its values lie in other files, which are never opened";
  if (H5Pget_external_count(plist) > 0)
    entry.refusal = "has external storage: its values lie in other files, which are never opened";
  if (layout != H5D_CHUNKED) return layout;
  std::array<hsize_t, most_axes> chunk{};
  const int axes = H5Pget_chunk(plist, most_axes, chunk.data());
  entry.chunk.assign(chunk.begin(), chunk.begin() + std::clamp(axes, 0, most_axes));
  describe_filters(plist, entry);
  return layout;
}

std::uint64_t numbers_in(const CatalogEntry& entry) {
  std::uint64_t count = 1;
  for (const std::size_t side : entry.shape)
    if (__builtin_mul_overflow(count, side, &count)) return UINT64_MAX;
  return count;
}

/// Everything below one group.
class Walk {
 public:
  explicit Walk(Catalog& catalog) : catalog_(catalog) {}

  void group(hid_t id, const std::string& prefix, int depth) {
    if (depth > deepest_group)
      refuse(catalog_.file, "has groups nested deeper than " + std::to_string(deepest_group) + " levels at " + prefix);
    for (const std::string& name : member_names(id)) member(id, name, prefix + "/" + name, depth);
  }

 private:
  static herr_t take_name(hid_t, const char* name, const H5L_info_t*, void* out) {
    auto& names = *static_cast<std::vector<std::string>*>(out);
    names.emplace_back(name);
    return names.size() > most_objects ? 1 : 0;
  }

  std::vector<std::string> member_names(hid_t id) const {
    std::vector<std::string> names;
    check_read(H5Literate(id, H5_INDEX_NAME, H5_ITER_NATIVE, nullptr, take_name, &names), catalog_.file,
               "a group can not be listed");
    return names;
  }

  void member(hid_t parent, const std::string& name, const std::string& path, int depth) {
    if (++objects_ > most_objects)
      refuse(catalog_.file, "holds more than " + std::to_string(most_objects) + " objects, more than any dump needs");
    H5L_info_t link{};
    check_read(H5Lget_info(parent, name.c_str(), &link, H5P_DEFAULT), catalog_.file, "a link can not be read");
    if (link.type != H5L_TYPE_HARD) {
      catalog_.refused_links.push_back(path);
      return;
    }
    const Hdf5Handle object =
        owned(H5Oopen(parent, name.c_str(), H5P_DEFAULT), H5Oclose, catalog_.file + ": " + path, "can not be opened");
    const H5I_type_t kind = H5Iget_type(object.get());
    if (kind == H5I_DATASET) catalog_.datasets.push_back(dataset(object.get(), path));
    if (kind == H5I_GROUP && first_visit(object.get())) group(object.get(), path, depth + 1);
  }

  bool first_visit(hid_t id) {
    H5O_info_t info{};
    check_read(H5Oget_info(id, &info), catalog_.file, "a group can not be read");
    return groups_.insert(info.addr).second;
  }

  CatalogEntry dataset(hid_t id, const std::string& path) const {
    const std::string where = catalog_.file + ": " + path;
    CatalogEntry entry;
    entry.path = path;
    // First of all: the shape of a virtual dataset is asked of the files that it points to.
    const Hdf5Handle plist = owned(H5Dget_create_plist(id), H5Pclose, where, "has no storage");
    const H5D_layout_t layout = describe_storage(plist.get(), entry);
    if (layout == H5D_VIRTUAL) return entry;
    const Hdf5Handle space = owned(H5Dget_space(id), H5Sclose, where, "has no shape");
    const int axes = H5Sget_simple_extent_ndims(space.get());
    if (axes > most_axes) entry.refusal = "has " + std::to_string(axes) + " axes, more than any attention";
    std::vector<hsize_t> shape(static_cast<std::size_t>(std::max(axes, 0)));
    if (axes > 0) check_read(H5Sget_simple_extent_dims(space.get(), shape.data(), nullptr), where, "has no shape");
    entry.shape.assign(shape.begin(), shape.end());
    entry.attributes = attributes_of(id);
    const Hdf5Handle type = owned(H5Dget_type(id), H5Tclose, where, "has no type");
    describe_type(type.get(), entry);
    if (!entry.refusal.empty()) return entry;
    if (entry.encoding.type == StoredType::integer) take_numbers(id, entry);
    if (bytes_of(entry.encoding.type) > 0) take_places(id, layout, where, type.get(), plist.get(), entry);
    return entry;
  }

  static void take_numbers(hid_t id, CatalogEntry& entry) {
    if (entry.shape.size() > 1 || numbers_in(entry) > most_numbers) return;
    // A chunk is read whole however few numbers are asked for.
    if (entry.chunk_bytes() > most_numbers || (!entry.chunk.empty() && entry.chunk[0] > most_numbers)) {
      entry.refusal = "is stored in chunks " + shape_text(entry.chunk) + ", far larger than it is itself";
      return;
    }
    entry.numbers.resize(numbers_in(entry));
    static_assert(sizeof(long long) == sizeof(std::int64_t));
    if (H5Dread(id, H5T_NATIVE_LLONG, H5S_ALL, H5S_ALL, H5P_DEFAULT, entry.numbers.data()) >= 0) return;
    entry.numbers.clear();
    entry.refusal = "can not be read (HDF5: " + hdf5_reason() +
                    "): its bytes are damaged, or compressed with what is read of tensors only";
  }

  static void take_places(hid_t id, H5D_layout_t layout, const std::string& where, hid_t type, hid_t plist,
                          CatalogEntry& entry) {
    const std::size_t one = bytes_of(entry.encoding.type);
    entry.fill.resize(one);
    H5D_fill_value_t defined = H5D_FILL_VALUE_UNDEFINED;
    check_read(H5Pfill_value_defined(plist, &defined), where, "has no fill value");
    if (defined != H5D_FILL_VALUE_UNDEFINED)
      check_read(H5Pget_fill_value(plist, type, entry.fill.data()), where, "has no fill value");
    if (layout == H5D_CHUNKED) {
      const bool whole = entry.chunk.size() == entry.shape.size() &&
                         std::find(entry.chunk.begin(), entry.chunk.end(), 0U) == entry.chunk.end();
      if (whole) take_chunk_places(id, entry);
    } else if (layout == H5D_COMPACT) {
      entry.inlined.resize(std::min<std::uint64_t>(H5Dget_storage_size(id), 1U << 16));
      if (entry.inlined.size() == numbers_in(entry) * one && !entry.inlined.empty())
        check_read(H5Dread(id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, entry.inlined.data()), where, "can not be read");
    } else {
      const haddr_t offset = H5Dget_offset(id);
      entry.offset = offset == HADDR_UNDEF ? never_written : offset;
    }
  }

  Catalog& catalog_;
  std::set<haddr_t> groups_;
  std::size_t objects_ = 0;
};

}  // namespace

void walk(hid_t file, Catalog& catalog) {
  const Hdf5Handle root = owned(H5Gopen2(file, "/", H5P_DEFAULT), H5Gclose, catalog.file, "has no root group");
  catalog.attributes = attributes_of(root.get());
  Walk(catalog).group(root.get(), "", 0);
  std::sort(catalog.datasets.begin(), catalog.datasets.end(),
            [](const auto& a, const auto& b) { return natural_less(a.path, b.path); });
}

}  // namespace attnspec
