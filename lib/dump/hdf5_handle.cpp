// HDF5's errors in one sentence, and one thread at a time.
#include "lib/dump/hdf5_handle.hpp"

#include <algorithm>

#include "lib/core/error.hpp"

namespace attnspec {
namespace {

herr_t keep_innermost(unsigned depth, const H5E_error2_t* error, void* out) {
  if (depth == 0 && error->desc != nullptr) *static_cast<std::string*>(out) = error->desc;
  return 0;
}

[[noreturn]] void fail(ErrorKind kind, const std::string& where, const char* what) {
  const std::string reason = hdf5_reason();
  throw Error(kind, where + ": " + what + (reason.empty() ? "" : " (HDF5: " + reason + ")"));
}

}  // namespace

std::unique_lock<std::recursive_mutex> hdf5_lock() {
  static std::recursive_mutex mutex;
  std::unique_lock lock(mutex);
  static const bool prepared = [] {
    // Every file is closed by its owner; HDF5's own tidying at exit crashes after a write that failed.
    H5dont_atexit();
    H5open();
    H5PLset_loading_state(0);
    return true;
  }();
  // Debian's HDF5 keeps an error stack a thread.
  thread_local const bool silent = H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr) >= 0;
  static_cast<void>(prepared && silent);
  return lock;
}

std::string hdf5_reason() {
  std::string reason;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_innermost, &reason);
  // Where the system refused, HDF5 wraps its words in a paragraph of addresses.
  const std::string before = "error message = '";
  const std::size_t words = reason.find(before);
  if (words != std::string::npos) {
    reason.erase(0, words + before.size());
    reason.resize(std::min(reason.size(), reason.find('\'')));
  }
  for (char& c : reason)
    if (c == '\n') c = ' ';
  return reason;
}

Hdf5Handle owned(hid_t id, Hdf5Handle::Close close, const std::string& where, const char* what) {
  if (id < 0) fail(ErrorKind::input, where, what);
  return {id, close};
}

void check_read(long long status, const std::string& where, const char* what) {
  if (status < 0) fail(ErrorKind::input, where, what);
}

void check_write(long long status, const std::string& where, const char* what) {
  if (status < 0) fail(ErrorKind::output, where, what);
}

}  // namespace attnspec
