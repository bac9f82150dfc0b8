// A file before it is written: writers make these, tools/output puts them on disk.
#pragma once

#include <string>

namespace attnspec {

struct TextFile {
  std::string name;  ///< without a folder
  std::string text;
};

}  // namespace attnspec
