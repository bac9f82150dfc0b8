// Colours, bars, and words for quantities.
#include "tools/terminal.hpp"

#include <fmt/format.h>
#include <langinfo.h>
#include <unistd.h>

#include <algorithm>
#include <clocale>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "lib/core/plain_text.hpp"

namespace attnspec {

Terminal::Terminal(const std::string& color) {
  const char* no_color = std::getenv("NO_COLOR");
  const bool wanted = isatty(STDOUT_FILENO) != 0 && (no_color == nullptr || *no_color == '\0');
  color_ = color == "always" || (color == "auto" && wanted);
  std::setlocale(LC_CTYPE, "");
  unicode_ = std::strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

std::string Terminal::styled(const std::string& text, const char* code) const {
  return color_ ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : text;
}

std::string Terminal::bar(double share, std::size_t width) const {
  constexpr const char* eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const double columns = std::clamp(share, 0.0, 1.0) * static_cast<double>(width);
  const auto steps = static_cast<std::size_t>(std::lround(columns * 8));
  std::string text;
  for (std::size_t i = 0; i < steps / 8; ++i) text += unicode_ ? "█" : "#";
  return unicode_ ? text + eighths[steps % 8] : text;
}

std::string duration_text(double seconds) {
  const auto s = static_cast<long long>(std::llround(std::max(0.0, seconds)));
  if (s < 60) return fmt::format("{} s", s);
  if (s < 3600) return fmt::format("{} min {:02} s", s / 60, s % 60);
  return fmt::format("{} h {:02} min", s / 3600, s / 60 % 60);
}

std::string bytes_text(double bytes) {
  constexpr const char* units[] = {"B", "kB", "MB", "GB", "TB"};
  std::size_t unit = 0;
  while (bytes >= 1000 && unit + 1 < std::size(units)) {
    bytes /= 1000;
    ++unit;
  }
  return fmt::format("{:.{}f} {}", bytes, unit == 0 || bytes >= 100 ? 0 : 1, units[unit]);
}

std::string shortened(const std::string& text, std::size_t width) {
  if (text.size() <= width || width < 5) return text;
  const std::size_t kept = width - 3, tail = kept / 2;
  return text.substr(0, kept - tail) + "..." + text.substr(text.size() - tail);
}

std::string counted(std::size_t count, const std::string& noun) {
  if (count == 1) return "1 " + noun;
  const bool ices = noun.ends_with("ix");
  return fmt::format("{} {}", count, ices ? noun.substr(0, noun.size() - 1) + "ces" : noun + "s");
}

void say(const std::string& line) {
  // A stderr that takes nothing is no reason to end differently.
  std::fputs((printable(valid_utf8(line)) + "\n").c_str(), stderr);
}

}  // namespace attnspec
