// dlopen beside ourselves, between setting OPENBLAS_CORETYPE and restoring it.
#include "lib/backend/openblas_library.hpp"

#include <dlfcn.h>

#include <cstdlib>
#include <optional>
#include <string>

#include "lib/backend/openblas_kernel.hpp"
#include "lib/backend/sibling_library.hpp"

namespace attnspec {
namespace {

/// An environment variable with a value for as long as this lives.
class Setting {
 public:
  Setting(const char* name, const std::string& value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old;
    if (!value.empty()) setenv(name, value.c_str(), 1);
  }
  Setting(const Setting&) = delete;
  Setting& operator=(const Setting&) = delete;
  ~Setting() {
    if (old_)
      setenv(name_, old_->c_str(), 1);
    else
      unsetenv(name_);
  }
  std::string old() const { return old_.value_or(""); }

 private:
  const char* name_;
  std::optional<std::string> old_;
};

OpenBlasLibrary load() {
  OpenBlasLibrary library;
  const char* user = std::getenv("OPENBLAS_CORETYPE");
  const KernelChoice choice = choose_kernel(cpu_features(), user == nullptr ? "" : user);
  const std::string file = beside_this_library("libattnspec-openblas.so");
  void* handle = nullptr;
  {
    const Setting core_type("OPENBLAS_CORETYPE", choice.core_type);
    const Setting threads("OPENBLAS_NUM_THREADS", "1");  // its own threads would only be in the way
    handle = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  }
  if (handle == nullptr) {
    library.facts.failure = dlerror();
    return library;
  }
  library.make = reinterpret_cast<decltype(library.make)>(dlsym(handle, "attnspec_cpu_backend"));
  const auto describe = reinterpret_cast<decltype(&attnspec_openblas_facts)>(dlsym(handle, "attnspec_openblas_facts"));
  if (library.make == nullptr || describe == nullptr) {
    library.make = nullptr;
    library.facts.failure = file + " is not of this version of attnspec";
    return library;
  }
  OpenBlasFacts facts;
  describe(&facts);
  library.facts = {true, facts.config, facts.kernel, choice.reason, ""};
  if (!choice.core_type.empty() && facts.kernel != choice.core_type)
    library.facts.kernel_choice =
        "OpenBLAS chose it, where " + choice.core_type + " was asked for because " + choice.reason;
  return library;
}

}  // namespace

const OpenBlasLibrary& openblas_library() {
  static const OpenBlasLibrary library = load();
  return library;
}

}  // namespace attnspec
