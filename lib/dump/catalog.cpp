// Walking an HDF5 file's groups, and naming what is wrong with a file that is none.
#include "lib/dump/catalog.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <set>
#include <utility>

#include "lib/core/error.hpp"
#include "lib/dump/hdf5_attributes.hpp"
#include "lib/dump/hdf5_handle.hpp"

namespace attnspec {
namespace {

constexpr int deepest_group = 8;
constexpr std::size_t most_objects = 200'000;
constexpr int most_axes = 8;

[[noreturn]] void refuse(const std::string& file, const std::string& reason) {
  throw Error(ErrorKind::input, file + ": " + reason);
}

std::uint64_t size_of_file(const std::string& file) {
  struct stat status {};
  if (stat(file.c_str(), &status) != 0) {
    if (errno == ENOENT) refuse(file, "no such file. Check the path; `ls` shows what is there");
    refuse(file, std::string("can not be opened: ") + std::strerror(errno));
  }
  if (S_ISDIR(status.st_mode)) refuse(file, "is a folder, expected an HDF5 file; name a dump inside it");
  if (!S_ISREG(status.st_mode)) refuse(file, "is not a regular file, expected an HDF5 file");
  if (status.st_size == 0) refuse(file, "is empty (0 bytes), expected an HDF5 file. Was the dump interrupted?");
  return static_cast<std::uint64_t>(status.st_size);
}

std::string first_bytes(const std::string& file) {
  std::array<char, 12> head{};
  std::ifstream in(file, std::ios::binary);
  if (!in) refuse(file, std::string("can not be read: ") + std::strerror(errno));
  in.read(head.data(), head.size());
  std::string text;
  for (std::streamsize i = 0; i < in.gcount(); ++i) {
    const char c = head[static_cast<std::size_t>(i)];
    text += std::isprint(static_cast<unsigned char>(c)) != 0 ? c : '.';
  }
  return text;
}

Hdf5Handle open_file(const std::string& file, std::uint64_t bytes) {
  const std::string head = first_bytes(file);
  if (H5Fis_hdf5(file.c_str()) <= 0)
    refuse(file, "is not an HDF5 file: " + std::to_string(bytes) + " bytes that begin with \"" + head +
                     "\". attnspec reads HDF5 dumps; tools/dump_attention.py makes one from a model and a text");
  const hid_t id = H5Fopen(file.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  if (id >= 0) return {id, H5Fclose};
  const std::string reason = hdf5_reason();
  if (reason.find("truncated") != std::string::npos)
    refuse(file, "is truncated: " + std::to_string(bytes) + " bytes, fewer than its header promises (HDF5: " + reason +
                     "). Copy or dump it again");
  if (reason.find("already open for write") != std::string::npos || reason.find("lock") != std::string::npos)
    refuse(file, "was never closed by its writer, or is still being written (HDF5: " + reason +
                     "). Wait for the writer; `h5clear -s` mends a file whose writer died");
  refuse(file, "is damaged (HDF5: " + reason + "). Copy or dump it again");
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

void describe_type(hid_t dataset, CatalogEntry& entry) {
  const Hdf5Handle type(H5Dget_type(dataset), H5Tclose);
  entry.big_endian = H5Tget_order(type.get()) == H5T_ORDER_BE;
  switch (H5Tget_class(type.get())) {
    case H5T_FLOAT: entry.type = float_type(type.get()); break;
    case H5T_INTEGER: entry.type = StoredType::integer; break;
    case H5T_COMPOUND: entry.type_name = "a compound type (complex numbers are stored so)"; break;
    case H5T_VLEN: entry.type_name = "a variable-length type"; break;
    case H5T_STRING: entry.type_name = "strings"; break;
    default: entry.type_name = "a type that holds no numbers"; break;
  }
  if (entry.type == StoredType::integer && H5Tget_size(type.get()) == 2) {
    const auto attributes = attributes_of(dataset);
    const auto bits = attributes.find("bits");
    if (bits != attributes.end() && bits->second == AttributeValue(std::vector<std::string>{"bfloat16"}))
      entry.type = StoredType::bfloat16;
  }
  if (entry.type_name.empty())
    entry.type_name = std::string(name_of(entry.type)) + (entry.big_endian ? " big-endian" : "");
}

void describe_filters(hid_t plist, CatalogEntry& entry) {
  for (int i = 0; i < H5Pget_nfilters(plist); ++i) {
    unsigned flags = 0, config = 0;
    std::size_t values = 0;
    std::array<char, 64> name{};
    const H5Z_filter_t filter =
        H5Pget_filter2(plist, static_cast<unsigned>(i), &flags, &values, nullptr, name.size(), name.data(), &config);
    const bool known = filter == H5Z_FILTER_DEFLATE || filter == H5Z_FILTER_SHUFFLE || filter == H5Z_FILTER_FLETCHER32;
    entry.filters += (entry.filters.empty() ? "" : ", ") + std::string(name.data());
    if (!known)
      entry.refusal = "is compressed with filter " + std::to_string(filter) + " (" + name.data() +
                      "), which is not read here. Re-save it with gzip: h5repack -f SHUF -f GZIP=1 OLD.h5 NEW.h5";
  }
}

void describe_storage(hid_t dataset, CatalogEntry& entry) {
  const Hdf5Handle plist(H5Dget_create_plist(dataset), H5Pclose);
  const H5D_layout_t layout = H5Pget_layout(plist.get());
  entry.is_virtual = layout == H5D_VIRTUAL;
  if (entry.is_virtual) entry.refusal = "is a virtual dataset: its values lie in other files, which are never opened";
  if (H5Pget_external_count(plist.get()) > 0)
    entry.refusal = "has external storage: its values lie in other files, which are never opened";
  if (layout != H5D_CHUNKED) return;
  std::array<hsize_t, most_axes> chunk{};
  const int axes = H5Pget_chunk(plist.get(), most_axes, chunk.data());
  entry.chunk.assign(chunk.begin(), chunk.begin() + std::clamp(axes, 0, most_axes));
  describe_filters(plist.get(), entry);
}

/// Everything below one group, with the guards of a hostile file.
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
    CatalogEntry entry;
    entry.path = path;
    // First of all: the shape of a virtual dataset is asked of the files that it points to.
    describe_storage(id, entry);
    if (entry.is_virtual) return entry;
    const Hdf5Handle space = owned(H5Dget_space(id), H5Sclose, catalog_.file + ": " + path, "has no shape");
    const int axes = H5Sget_simple_extent_ndims(space.get());
    if (axes > most_axes) entry.refusal = "has " + std::to_string(axes) + " axes, more than any attention";
    std::vector<hsize_t> shape(static_cast<std::size_t>(std::max(axes, 0)));
    if (axes > 0) check_read(H5Sget_simple_extent_dims(space.get(), shape.data(), nullptr), path, "has no shape");
    entry.shape.assign(shape.begin(), shape.end());
    entry.stored_bytes = H5Dget_storage_size(id);
    describe_type(id, entry);
    return entry;
  }

  Catalog& catalog_;
  std::set<haddr_t> groups_;
  std::size_t objects_ = 0;
};

/// Numbers inside names compare as numbers.
bool natural_less(const std::string& a, const std::string& b) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  std::size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    if (digit(a[i]) && digit(b[j])) {
      const auto number = [&digit](const std::string& s, std::size_t& at) {
        while (at + 1 < s.size() && s[at] == '0' && digit(s[at + 1])) ++at;
        const std::size_t from = at;
        while (at < s.size() && digit(s[at])) ++at;
        return s.substr(from, at - from);
      };
      const std::string left = number(a, i), right = number(b, j);
      if (left.size() != right.size()) return left.size() < right.size();
      if (left != right) return left < right;
    } else {
      if (a[i] != b[j]) return a[i] < b[j];
      ++i;
      ++j;
    }
  }
  return a.size() - i < b.size() - j;
}

}  // namespace

const CatalogEntry* Catalog::find(std::string_view path) const {
  const auto found = std::find_if(datasets.begin(), datasets.end(), [&](const auto& d) { return d.path == path; });
  return found == datasets.end() ? nullptr : &*found;
}

std::string shape_text(const std::vector<std::size_t>& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  return text + "]";
}

Catalog read_catalog(const std::string& file) {
  Catalog catalog;
  catalog.file = file;
  catalog.file_bytes = size_of_file(file);
  const auto lock = hdf5_lock();
  const Hdf5Handle id = open_file(file, catalog.file_bytes);
  const Hdf5Handle root = owned(H5Gopen2(id.get(), "/", H5P_DEFAULT), H5Gclose, file, "has no root group");
  catalog.attributes = attributes_of(root.get());
  Walk(catalog).group(root.get(), "", 0);
  std::sort(catalog.datasets.begin(), catalog.datasets.end(),
            [](const auto& a, const auto& b) { return natural_less(a.path, b.path); });
  return catalog;
}

}  // namespace attnspec
