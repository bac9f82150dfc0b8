// The owner of an HDF5 identifier, and the one check on every HDF5 call. Not installed: hdf5.h stops here.
#pragma once

#include <hdf5.h>

#include <mutex>
#include <string>
#include <utility>

namespace attnspec {

/// HDF5 is called by one thread at a time: hold this around every use. Also keeps HDF5 from printing its error
/// stack and from loading filter plugins.
std::unique_lock<std::recursive_mutex> hdf5_lock();

/// The innermost reason on HDF5's error stack, in its own words; empty where it has none.
std::string hdf5_reason();

class Hdf5Handle {
 public:
  using Close = herr_t (*)(hid_t);

  Hdf5Handle() = default;
  Hdf5Handle(hid_t id, Close close) : id_(id), close_(close) {}
  Hdf5Handle(Hdf5Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
  Hdf5Handle& operator=(Hdf5Handle&& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(close_, other.close_);
    return *this;
  }
  ~Hdf5Handle() {
    if (id_ < 0) return;
    const auto lock = hdf5_lock();
    close_(id_);
  }

  hid_t get() const { return id_; }
  bool valid() const { return id_ >= 0; }
  hid_t release() { return std::exchange(id_, -1); }

 private:
  hid_t id_ = -1;
  Close close_ = nullptr;
};

/// Owns `id`, or throws Error(input): "`where`: `what`: HDF5's reason".
Hdf5Handle owned(hid_t id, Hdf5Handle::Close close, const std::string& where, const char* what);

/// Throws Error(input) where an HDF5 call that reads went wrong.
void check_read(long long status, const std::string& where, const char* what);

/// Throws Error(output) where an HDF5 call that writes went wrong.
void check_write(long long status, const std::string& where, const char* what);

}  // namespace attnspec
