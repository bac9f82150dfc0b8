// dladdr tells where we lie.
#include "lib/backend/sibling_library.hpp"

#include <dlfcn.h>

namespace attnspec {

std::string beside_this_library(const std::string& file) {
  Dl_info info{};
  if (dladdr(reinterpret_cast<void*>(&beside_this_library), &info) == 0 || info.dli_fname == nullptr) return file;
  const std::string path = info.dli_fname;
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? file : path.substr(0, slash + 1) + file;
}

}  // namespace attnspec
