// Numbers and texts as bytes, for the journal.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

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
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

/// Reads what RecordWriter wrote, in the same order; past the end everything is zero and empty.
class RecordReader {
 public:
  explicit RecordReader(const std::string& bytes) : bytes_(bytes) {}

  template <class Plain>
  requires std::is_trivially_copyable_v<Plain>
  void take(Plain& value) {
    value = Plain{};
    if (at_ + sizeof value <= bytes_.size()) std::memcpy(&value, bytes_.data() + at_, sizeof value);
    at_ += sizeof value;
  }
  void take(std::string& text) {
    const auto length = number();
    text = at_ <= bytes_.size() ? bytes_.substr(at_, length) : "";
    at_ += length;
  }
  std::size_t number() {
    std::uint64_t value = 0;
    take(value);
    return static_cast<std::size_t>(value);
  }

 private:
  const std::string& bytes_;
  std::size_t at_ = 0;
};

}  // namespace attnspec
