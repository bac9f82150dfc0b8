// Text from files, made safe to show and to store.
#pragma once

#include <string>

#include "lib/core/export.hpp"

namespace attnspec {

/// Control characters, line breaks and tabs excepted, become '?': a dump's names must not steer a terminal.
ATTNSPEC_API std::string printable(std::string text);

/// Bytes that are no UTF-8 become U+FFFD, one each, so that every reader of our files can decode them.
ATTNSPEC_API std::string valid_utf8(const std::string& text);

/// Valid UTF-8 in which every control character, line breaks among them, is a '?': a file's words inside a message.
ATTNSPEC_API std::string on_one_line(const std::string& text);

}  // namespace attnspec
