// Numbers, texts and lists as bytes: for journals, and for tables that come from another process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "lib/core/error.hpp"

namespace attnspec {

class RecordWriter {
 public:
  template <class Plain>
  requires std::is_trivially_copyable_v<Plain> RecordWriter& put(const Plain& value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  RecordWriter& put(const std::string& text) {
    put(static_cast<std::uint64_t>(text.size()));
    bytes_ += text;
    return *this;
  }
  template <class Plain>
  requires std::is_trivially_copyable_v<Plain> RecordWriter& put(const std::vector<Plain>& values) {
    put(static_cast<std::uint64_t>(values.size()));
    if (!values.empty()) bytes_.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(Plain));
    return *this;
  }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

/// Reads what RecordWriter wrote, in the same order. Believes no length beyond the bytes that are there: throws
/// Error(internal) where they end too soon.
class RecordReader {
 public:
  explicit RecordReader(std::string_view bytes) : bytes_(bytes) {}

  template <class Plain>
  requires std::is_trivially_copyable_v<Plain>
  void take(Plain& value) { std::memcpy(&value, next(sizeof value), sizeof value); }
  void take(std::string& text) {
    const std::size_t length = count(1);
    text.assign(next(length), length);
  }
  template <class Plain>
  requires std::is_trivially_copyable_v<Plain>
  void take(std::vector<Plain>& values) {
    values.resize(count(sizeof(Plain)));
    const char* from = next(values.size() * sizeof(Plain));
    if (!values.empty()) std::memcpy(values.data(), from, values.size() * sizeof(Plain));
  }
  std::uint64_t number() {
    std::uint64_t value = 0;
    take(value);
    return value;
  }
  /// The length of a list whose entries take at least `least` bytes each.
  std::size_t count(std::size_t least) {
    const std::uint64_t length = number();
    if (length > bytes_.size() / least) fail();
    return static_cast<std::size_t>(length);
  }
  bool at_end() const { return bytes_.empty(); }
  [[noreturn]] static void fail() {
    throw Error(ErrorKind::internal, "a record ends before its values do, or is none");
  }

 private:
  const char* next(std::size_t length) {
    if (length > bytes_.size()) fail();
    const char* start = bytes_.data();
    bytes_.remove_prefix(length);
    return start;
  }

  std::string_view bytes_;
};

}  // namespace attnspec
