// What a terminal can show, and lines that fit it.
#pragma once

#include <cstddef>
#include <string>

namespace attnspec {

class Terminal {
 public:
  /// `color`: auto, always or never; NO_COLOR and pipes turn auto off.
  explicit Terminal(const std::string& color);

  std::string bold(const std::string& text) const { return styled(text, "1"); }
  std::string dim(const std::string& text) const { return styled(text, "2"); }
  /// `share` in [0, 1] as a bar of at most `width` columns.
  std::string bar(double share, std::size_t width) const;

 private:
  std::string styled(const std::string& text, const char* code) const;

  bool color_, unicode_;
};

/// "1 h 02 min", "3 min 05 s", "12 s".
std::string duration_text(double seconds);

/// "7.1 MB".
std::string bytes_text(double bytes);

/// At most `width` characters, shortened in the middle.
std::string shortened(const std::string& text, std::size_t width);

/// "1 sample", "2 samples".
std::string counted(std::size_t count, const std::string& noun);

/// A line on stderr.
void say(const std::string& line);

}  // namespace attnspec
