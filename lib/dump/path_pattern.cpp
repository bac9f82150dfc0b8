// Reading patterns, and paths by them.
#include "lib/dump/path_pattern.hpp"

#include "lib/core/error.hpp"

namespace attnspec {
namespace {

[[noreturn]] void refuse(const std::string& text) {
  throw Error(ErrorKind::usage,
              "--dataset " + text +
                  ": expected a path, or a pattern with {L} for the layer's number, {H} for the head's "
                  "and {S} for the sample's, each at most once; for example layer_{L}/head_{H}");
}

}  // namespace

PathPattern::PathPattern(std::string_view text) : text_(text) {
  std::string_view rest = text.starts_with('/') ? text.substr(1) : text;
  text_ = rest;
  while (true) {
    const std::size_t open = rest.find('{');
    Piece piece{std::string(rest.substr(0, open)), 0, false};
    if (open == std::string_view::npos) {
      pieces_.push_back(std::move(piece));
      return;
    }
    const std::size_t close = rest.find('}', open);
    if (close == std::string_view::npos) refuse(text_);
    const std::string_view inside = rest.substr(open + 1, close - open - 1);
    piece.any = inside == "S*";
    if (!piece.any && inside != "S" && inside != "L" && inside != "H") refuse(text_);
    piece.letter = inside.front();
    if (names(piece.letter)) refuse(text_);
    pieces_.push_back(std::move(piece));
    rest = rest.substr(close + 1);
  }
}

bool PathPattern::names(char letter) const {
  for (const Piece& piece : pieces_)
    if (piece.letter == letter) return true;
  return false;
}

std::optional<std::map<char, std::string>> PathPattern::match(std::string_view path) const {
  std::map<char, std::string> values;
  for (const Piece& piece : pieces_) {
    if (!path.starts_with(piece.before)) return std::nullopt;
    path.remove_prefix(piece.before.size());
    if (piece.letter == 0) break;
    std::size_t length = 0;
    while (length < path.size() && (piece.any ? path[length] != '/' : path[length] >= '0' && path[length] <= '9'))
      ++length;
    constexpr std::size_t most_digits = 9;
    if (length == 0 || (!piece.any && length > most_digits)) return std::nullopt;
    values[piece.letter] = path.substr(0, length);
    path.remove_prefix(length);
  }
  return path.empty() ? std::optional(values) : std::nullopt;
}

}  // namespace attnspec
