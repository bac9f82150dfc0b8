// Text from files, made safe to show.
#pragma once

#include <string>

#include "lib/core/export.hpp"

namespace attnspec {

/// Control characters, line breaks and tabs excepted, become '?': a dump's names must not steer a terminal.
ATTNSPEC_API std::string printable(std::string text);

}  // namespace attnspec
