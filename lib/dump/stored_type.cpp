// Names, sizes and roundoffs of stored numbers.
#include "lib/dump/stored_type.hpp"

#include <cmath>

namespace attnspec {

std::string_view name_of(StoredType type) {
  switch (type) {
    case StoredType::float16: return "float16";
    case StoredType::bfloat16: return "bfloat16";
    case StoredType::float32: return "float32";
    case StoredType::float64: return "float64";
    case StoredType::uint8: return "uint8";
    case StoredType::integer: return "integer";
    case StoredType::other: return "another type";
  }
  return "another type";
}

std::size_t bytes_of(StoredType type) {
  switch (type) {
    case StoredType::uint8: return 1;
    case StoredType::float16:
    case StoredType::bfloat16: return 2;
    case StoredType::float32: return 4;
    case StoredType::float64: return 8;
    default: return 0;
  }
}

double unit_roundoff(StoredType type) {
  switch (type) {
    case StoredType::float16: return 0x1p-11;
    case StoredType::bfloat16: return 0x1p-8;
    case StoredType::float32: return 0x1p-24;
    case StoredType::float64: return 0x1p-53;
    default: return 0;
  }
}

double row_sum_tolerance(const Encoding& encoding, std::size_t cols) {
  switch (encoding.type) {
    case StoredType::float16: return 1.2e-3;
    case StoredType::bfloat16: return 8e-3;
    case StoredType::uint8: return std::abs(encoding.unit) / 2 * static_cast<double>(cols);
    default: return 1.2e-6;
  }
}

}  // namespace attnspec
