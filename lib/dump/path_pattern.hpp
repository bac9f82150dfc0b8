// Paths that say which layer, head and sample they hold: "layer_{L}/batch_{S}/head_{H}". Not installed.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/core/export.hpp"

namespace attnspec {

/// Text with places for a letter each: {L} and {H} and {S} stand for digits, {S*} for anything but a slash.
class ATTNSPEC_API PathPattern {
 public:
  /// Throws Error(usage) for text that is no pattern.
  explicit PathPattern(std::string_view text);

  const std::string& text() const { return text_; }
  bool names(char letter) const;

  /// What stands at each letter's place in `path` (without its first slash); nothing where it does not fit.
  std::optional<std::map<char, std::string>> match(std::string_view path) const;

 private:
  struct Piece {
    std::string before;  ///< text that comes first
    char letter = 0;     ///< then this letter's value; 0 at the end of the pattern
    bool any = false;
  };
  std::string text_;
  std::vector<Piece> pieces_;
};

}  // namespace attnspec
