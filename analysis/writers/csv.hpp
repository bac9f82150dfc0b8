// One row of CSV after the other.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "lib/core/export.hpp"

namespace attnspec {

class ATTNSPEC_API CsvText {
 public:
  CsvText() = default;
  explicit CsvText(std::string_view header) : text_(std::string(header) + "\n") {}

  CsvText& field(std::string_view text);
  CsvText& field(double value);
  CsvText& field(std::size_t value);
  /// Those that others begin with, too, made once.
  CsvText& fields(const CsvText& others);
  void end_row();

  std::string take() { return std::move(text_); }

 private:
  void separate();
  template <class Number>
  void append(Number number);

  std::string text_;
  bool row_begun_ = false;
};

}  // namespace attnspec
