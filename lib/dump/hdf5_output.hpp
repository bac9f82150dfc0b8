// An HDF5 file that appears whole or not at all. Not installed: hdf5.h stops here.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "lib/dump/hdf5_handle.hpp"

namespace attnspec {

/// Written as NAME.part; finish() proves that it reached the disk and gives it its name. Without finish() nothing
/// stays.
class Hdf5Output {
 public:
  /// Throws Error(output) where the file can not be made.
  explicit Hdf5Output(std::string file);
  ~Hdf5Output();
  Hdf5Output(const Hdf5Output&) = delete;
  Hdf5Output& operator=(const Hdf5Output&) = delete;

  hid_t id() const { return file_handle_.get(); }
  const std::string& file() const { return file_; }

  /// A group, made with its parents.
  void make_group(const std::string& path);
  /// Chunked; `fill` points to one value of `type`. deflate adds shuffle, deflate 1 and fletcher32.
  Hdf5Handle make_dataset(const std::string& path, hid_t type, std::span<const std::size_t> shape,
                          std::span<const std::size_t> chunk, const void* fill, bool deflate);
  /// A block [start, start + count) of doubles; HDF5 converts.
  void write_doubles(const Hdf5Handle& dataset, std::span<const std::size_t> start, std::span<const std::size_t> count,
                     std::span<const double> values);
  /// The same of numbers that are stored as they lie in memory.
  void write_raw(const Hdf5Handle& dataset, std::span<const std::size_t> start, std::span<const std::size_t> count,
                 const void* values);
  /// Closes a dataset and says so where its last chunks do not reach the file.
  void close(Hdf5Handle& dataset);
  void write_integers(const std::string& path, std::span<const std::size_t> shape, std::span<const long long> values);
  void set_text(const std::string& group, const std::string& name, const std::string& text);
  void set_number(const std::string& group, const std::string& name, double value);
  void set_integer(const std::string& group, const std::string& name, long long value);

  /// Flush, close, compare the size on disk with what HDF5 allocated, fsync, rename. Throws Error(output).
  void finish();

 private:
  void write_block(const Hdf5Handle& dataset, hid_t memory_type, std::span<const std::size_t> start,
                   std::span<const std::size_t> count, const void* values);
  Hdf5Handle scalar_attribute(const std::string& group, const std::string& name, hid_t type);

  std::string file_, part_;
  Hdf5Handle file_handle_;
};

}  // namespace attnspec
