// Libraries that lie beside libattnspec.so and are opened by name.
#pragma once

#include <string>

namespace attnspec {

/// The path of `file` in the folder of libattnspec.so.
std::string beside_this_library(const std::string& file);

}  // namespace attnspec
