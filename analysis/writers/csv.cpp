// Quoting (RFC 4180) and numbers.
#include "analysis/writers/csv.hpp"

#include <fmt/compile.h>

#include <array>
#include <cmath>

#include "lib/core/plain_text.hpp"

namespace attnspec {

void CsvText::separate() {
  if (row_begun_) text_ += ',';
  row_begun_ = true;
}

template <class Number>
void CsvText::append(Number number) {
  std::array<char, 32> digits;  // a double takes 24
  text_.append(digits.data(), fmt::format_to(digits.data(), FMT_COMPILE("{}"), number));
}

CsvText& CsvText::field(std::string_view raw) {
  separate();
  const std::string text = valid_utf8(std::string(raw));
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) {
    text_ += text;
    return *this;
  }
  text_ += '"';
  for (const char c : text) text_ += c == '"' ? std::string("\"\"") : std::string(1, c);
  text_ += '"';
  return *this;
}

CsvText& CsvText::field(double value) {
  separate();
  if (!std::isnan(value)) append(value);
  return *this;
}

CsvText& CsvText::field(std::size_t value) {
  separate();
  append(value);
  return *this;
}

CsvText& CsvText::fields(const CsvText& others) {
  separate();
  text_ += others.text_;
  return *this;
}

void CsvText::end_row() {
  text_ += '\n';
  row_begun_ = false;
}

}  // namespace attnspec
