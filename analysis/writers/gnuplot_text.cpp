// Quoting, measuring and shortening of UTF-8 text for gnuplot.
#include "analysis/writers/gnuplot_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace attnspec {
namespace {

constexpr char32_t replacement = 0xFFFD;
constexpr std::string_view ellipsis = "…";

struct Character {
  char32_t code = replacement;
  std::size_t bytes = 1;
};

/// The bytes that a UTF-8 sequence with this first byte has; 0 where none begins so.
std::size_t sequence_length(unsigned char first) {
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first < 0xE0) return 2;
  if (first >= 0xE0 && first < 0xF0) return 3;
  if (first >= 0xF0 && first < 0xF5) return 4;
  return 0;
}

Character first_character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const std::size_t length = sequence_length(byte(0));
  if (length == 1) return {byte(0), 1};
  if (length == 0 || length > text.size()) return {};
  char32_t code = byte(0) & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) return {};
    code = (code << 6U) | (byte(i) & 0x3FU);
  }
  constexpr char32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xD800 && code < 0xE000;
  if (code < smallest[length] || code > 0x10FFFF || surrogate) return {};
  return {code, length};
}

bool is_printable(char32_t code) {
  const bool control = code < 0x20 || (code >= 0x7F && code < 0xA0);
  const bool line_end_or_direction = (code >= 0x200E && code <= 0x200F) || (code >= 0x2028 && code <= 0x202E);
  const bool isolate = code >= 0x2066 && code <= 0x2069;
  const bool not_in_xml = code == 0xFFFE || code == 0xFFFF;
  return !control && !line_end_or_direction && !isolate && !not_in_xml;
}

/// What DejaVu Sans has of the alphabets that names are written in.
bool is_drawable(char32_t code) {
  const bool latin_to_cyrillic = (code >= 0x20 && code < 0x2B0) || (code >= 0x391 && code < 0x526 && code != 0x3A2);
  return latin_to_cyrillic || (code >= 0x1E00 && code < 0x1EFC) || (code >= 0x2010 && code < 0x2028);
}

/// The line with U+FFFD for every character that `keep` refuses.
template <typename Keep>
std::string line_of(std::string_view text, Keep keep) {
  std::string line;
  while (!text.empty()) {
    const Character character = first_character(text);
    line += keep(character.code) && character.code != replacement ? text.substr(0, character.bytes) : "\uFFFD";
    // gnuplot's svg passes &#x...; through to the reader of the picture, whatever it names.
    if (text.starts_with("&#")) line += ' ';
    text.remove_prefix(character.bytes);
  }
  return line;
}

std::string drawable_line(std::string_view text) {
  return line_of(text, [](char32_t code) { return is_printable(code) && is_drawable(code); });
}

/// Advance in DejaVu Sans, rounded up within a class of characters.
double character_width(char32_t code) {
  constexpr std::string_view narrow = " ijlI.,:;'|()[]/\\frtJ!-", wide = "w+=<>#^~QOGNHDU&", widest = "mMW@%";
  if (code >= 0x80) return 1.0;
  const auto letter = static_cast<char>(code);
  if (narrow.find(letter) != std::string_view::npos) return 0.42;
  if (wide.find(letter) != std::string_view::npos) return 0.84;
  if (widest.find(letter) != std::string_view::npos) return 1.0;
  return letter >= 'A' && letter <= 'Z' ? 0.72 : 0.65;
}

}  // namespace

std::string printable_line(std::string_view text) { return line_of(text, is_printable); }

std::string quoted(std::string_view text) {
  std::string constant = "'";
  for (const char byte : drawable_line(text)) constant += byte == '\'' ? "’" : std::string(1, byte);
  return constant + "'";
}

double text_width(std::string_view text) {
  double width = 0;
  while (!text.empty()) {
    const Character character = first_character(text);
    width += character_width(character.code);
    text.remove_prefix(character.bytes);
  }
  return width;
}

std::string shortened(std::string_view text, double width) {
  const std::string line = drawable_line(text);
  if (text_width(line) <= width) return line;
  std::vector<std::string_view> letters;
  for (std::string_view rest = line; !rest.empty();) {
    letters.push_back(rest.substr(0, first_character(rest).bytes));
    rest.remove_prefix(letters.back().size());
  }
  // The end of a name says more than its start (folders first, variant last): a third before the ellipsis.
  const double budget = width - text_width(ellipsis);
  std::string start, end;
  double used = 0;
  for (std::size_t i = 0; i < letters.size() && used + text_width(letters[i]) <= budget / 3; ++i) {
    start += letters[i];
    used += text_width(letters[i]);
  }
  for (std::size_t i = letters.size(); i-- > 0 && used + text_width(letters[i]) <= budget;) {
    end.insert(0, letters[i]);
    used += text_width(letters[i]);
  }
  return start + std::string(ellipsis) + end;
}

std::string counted(std::size_t least, std::size_t most, std::string_view noun) {
  const std::string number = least == most ? fmt::format("{}", most) : fmt::format("{}–{}", least, most);
  return fmt::format("{} {}{}", number, noun, most == 1 ? "" : "s");
}

}  // namespace attnspec
