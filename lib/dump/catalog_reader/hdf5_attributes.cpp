// Reading attributes whatever their type: strings fixed or variable, numbers, h5py's bool.
#include "lib/dump/catalog_reader/hdf5_attributes.hpp"

#include <cstring>
#include <utility>

#include "lib/dump/hdf5_handle.hpp"

namespace attnspec {
namespace {

constexpr hsize_t most_attribute_values = 65'536;

std::vector<std::string> read_strings(hid_t attribute, hid_t type, std::size_t count) {
  std::vector<std::string> values;
  if (H5Tis_variable_str(type) > 0) {
    std::vector<char*> raw(count, nullptr);
    const Hdf5Handle memory(H5Tcopy(type), H5Tclose);
    if (H5Aread(attribute, memory.get(), raw.data()) < 0) return values;
    for (char* text : raw) {
      values.emplace_back(text != nullptr ? text : "");
      H5free_memory(text);
    }
    return values;
  }
  const std::size_t width = H5Tget_size(type);
  if (width > 65'536) return values;
  std::vector<char> raw(width * count);
  if (H5Aread(attribute, type, raw.data()) < 0) return values;
  for (std::size_t i = 0; i < count; ++i) {
    const char* text = raw.data() + i * width;
    values.emplace_back(text, strnlen(text, width));
  }
  return values;
}

std::vector<double> read_numbers(hid_t attribute, hid_t type, std::size_t count) {
  // h5py stores bool as an enum of int8, which HDF5 does not convert to double.
  if (H5Tget_class(type) == H5T_ENUM && H5Tget_size(type) == 1) {
    std::vector<signed char> raw(count);
    if (H5Aread(attribute, type, raw.data()) < 0) return {};
    return {raw.begin(), raw.end()};
  }
  std::vector<double> values(count);
  if (H5Aread(attribute, H5T_NATIVE_DOUBLE, values.data()) < 0) return {};
  return values;
}

herr_t take_attribute(hid_t object, const char* name, const H5A_info_t*, void* out) {
  auto& attributes = *static_cast<std::map<std::string, AttributeValue>*>(out);
  const Hdf5Handle attribute(H5Aopen(object, name, H5P_DEFAULT), H5Aclose);
  if (!attribute.valid()) return 0;
  const Hdf5Handle type(H5Aget_type(attribute.get()), H5Tclose);
  const Hdf5Handle space(H5Aget_space(attribute.get()), H5Sclose);
  const hssize_t count = H5Sget_simple_extent_npoints(space.get());
  if (!type.valid() || count < 1 || static_cast<hsize_t>(count) > most_attribute_values) return 0;
  const auto values = static_cast<std::size_t>(count);
  if (H5Tget_class(type.get()) == H5T_STRING) {
    auto strings = read_strings(attribute.get(), type.get(), values);
    if (!strings.empty()) attributes[name] = std::move(strings);
  } else {
    auto numbers = read_numbers(attribute.get(), type.get(), values);
    if (!numbers.empty()) attributes[name] = std::move(numbers);
  }
  return 0;
}

}  // namespace

std::map<std::string, AttributeValue> attributes_of(hid_t object) {
  std::map<std::string, AttributeValue> attributes;
  H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_NATIVE, nullptr, take_attribute, &attributes);
  return attributes;
}

}  // namespace attnspec
