// Writing HDF5 so that a full disk is noticed: H5Fclose alone returns success there.
#include "lib/dump/hdf5_output.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "lib/core/error.hpp"

namespace attnspec {
namespace {

std::vector<hsize_t> to_hsize(std::span<const std::size_t> values) { return {values.begin(), values.end()}; }

[[noreturn]] void fail(const std::string& file, const std::string& reason) {
  throw Error(ErrorKind::output,
              file + ": could not be written whole: " + reason + ". Nothing was left under that name");
}

}  // namespace

Hdf5Output::Hdf5Output(std::string file) : file_(std::move(file)), part_(file_ + ".part") {
  const auto lock = hdf5_lock();
  // HDF5 hides errno; the plain open says "Permission denied" or "No such file or directory".
  const int probe = open(part_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (probe < 0) throw Error(ErrorKind::output, file_ + ": can not be made: " + std::strerror(errno));
  ::close(probe);
  file_handle_ = Hdf5Handle(H5Fcreate(part_.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), H5Fclose);
  if (!file_handle_.valid()) {
    const std::string reason = hdf5_reason();
    std::remove(part_.c_str());
    fail(file_, reason);
  }
}

Hdf5Output::~Hdf5Output() {
  if (!file_handle_.valid()) return;
  const auto lock = hdf5_lock();
  H5Fclose(file_handle_.release());
  std::remove(part_.c_str());
}

void Hdf5Output::make_group(const std::string& path) {
  const auto lock = hdf5_lock();
  const Hdf5Handle parents(H5Pcreate(H5P_LINK_CREATE), H5Pclose);
  check_write(H5Pset_create_intermediate_group(parents.get(), 1), file_, "a group can not be made");
  const Hdf5Handle group(H5Gcreate2(id(), path.c_str(), parents.get(), H5P_DEFAULT, H5P_DEFAULT), H5Gclose);
  check_write(group.get(), file_, "a group can not be made");
}

Hdf5Handle Hdf5Output::make_dataset(const std::string& path, hid_t type, std::span<const std::size_t> shape,
                                    std::span<const std::size_t> chunk, const void* fill, bool deflate) {
  const auto lock = hdf5_lock();
  const auto dims = to_hsize(shape), chunk_dims = to_hsize(chunk);
  const Hdf5Handle space(H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr), H5Sclose);
  const Hdf5Handle plist(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  check_write(space.get(), file_, "a shape can not be made");
  check_write(H5Pset_chunk(plist.get(), static_cast<int>(chunk_dims.size()), chunk_dims.data()), file_,
              "a chunk is too large");
  check_write(H5Pset_fill_value(plist.get(), type, fill), file_, "a fill value is refused");
  check_write(H5Pset_obj_track_times(plist.get(), false), file_, "times can not be left out");
  if (deflate) {
    check_write(H5Pset_shuffle(plist.get()), file_, "shuffle is refused");
    check_write(H5Pset_deflate(plist.get(), 1), file_, "deflate is refused");
    check_write(H5Pset_fletcher32(plist.get()), file_, "fletcher32 is refused");
  }
  Hdf5Handle dataset(H5Dcreate2(id(), path.c_str(), type, space.get(), H5P_DEFAULT, plist.get(), H5P_DEFAULT),
                     H5Dclose);
  check_write(dataset.get(), file_ + ": " + path, "can not be made");
  return dataset;
}

void Hdf5Output::write_block(const Hdf5Handle& dataset, hid_t memory_type, std::span<const std::size_t> start,
                             std::span<const std::size_t> count, const void* values) {
  const auto lock = hdf5_lock();
  const auto from = to_hsize(start), how_many = to_hsize(count);
  const Hdf5Handle space(H5Dget_space(dataset.get()), H5Sclose);
  check_write(H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, from.data(), nullptr, how_many.data(), nullptr), file_,
              "a block lies outside its dataset");
  const Hdf5Handle memory(H5Screate_simple(static_cast<int>(how_many.size()), how_many.data(), nullptr), H5Sclose);
  check_write(H5Dwrite(dataset.get(), memory_type, memory.get(), space.get(), H5P_DEFAULT, values), file_,
              "values can not be written; is the disk full?");
}

void Hdf5Output::write_doubles(const Hdf5Handle& dataset, std::span<const std::size_t> start,
                               std::span<const std::size_t> count, std::span<const double> values) {
  const auto lock = hdf5_lock();
  write_block(dataset, H5T_NATIVE_DOUBLE, start, count, values.data());
}

void Hdf5Output::write_raw(const Hdf5Handle& dataset, std::span<const std::size_t> start,
                           std::span<const std::size_t> count, const void* values) {
  const auto lock = hdf5_lock();
  const Hdf5Handle type(H5Dget_type(dataset.get()), H5Tclose);
  write_block(dataset, type.get(), start, count, values);
}

void Hdf5Output::close(Hdf5Handle& dataset) {
  const auto lock = hdf5_lock();
  if (!dataset.valid()) return;
  check_write(H5Fflush(dataset.get(), H5F_SCOPE_LOCAL), file_, "can not be flushed; is the disk full?");
  check_write(H5Dclose(dataset.release()), file_, "a dataset can not be closed; is the disk full?");
}

void Hdf5Output::write_integers(const std::string& path, std::span<const std::size_t> shape,
                                std::span<const long long> values) {
  const auto lock = hdf5_lock();
  const long long fill = -1;
  Hdf5Handle dataset = make_dataset(path, H5T_STD_I64LE, shape, shape, &fill, false);
  const hid_t native = H5T_NATIVE_LLONG;
  check_write(H5Dwrite(dataset.get(), native, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), file_,
              "numbers can not be written");
  close(dataset);
}

Hdf5Handle Hdf5Output::scalar_attribute(const std::string& group, const std::string& name, hid_t type) {
  const Hdf5Handle space(H5Screate(H5S_SCALAR), H5Sclose);
  if (H5Aexists_by_name(id(), group.c_str(), name.c_str(), H5P_DEFAULT) > 0)
    check_write(H5Adelete_by_name(id(), group.c_str(), name.c_str(), H5P_DEFAULT), file_,
                "an attribute can not be replaced");
  Hdf5Handle attribute(
      H5Acreate_by_name(id(), group.c_str(), name.c_str(), type, space.get(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
      H5Aclose);
  check_write(attribute.get(), file_, "an attribute can not be made");
  return attribute;
}

void Hdf5Output::set_text(const std::string& group, const std::string& name, const std::string& text) {
  const auto lock = hdf5_lock();
  const Hdf5Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
  check_write(H5Tset_size(type.get(), text.empty() ? 1 : text.size()), file_, "a text is too long");
  check_write(H5Tset_cset(type.get(), H5T_CSET_UTF8), file_, "UTF-8 is refused");
  const Hdf5Handle attribute = scalar_attribute(group, name, type.get());
  check_write(H5Awrite(attribute.get(), type.get(), text.c_str()), file_, "an attribute can not be written");
}

void Hdf5Output::set_number(const std::string& group, const std::string& name, double value) {
  const auto lock = hdf5_lock();
  const Hdf5Handle attribute = scalar_attribute(group, name, H5T_IEEE_F64LE);
  check_write(H5Awrite(attribute.get(), H5T_NATIVE_DOUBLE, &value), file_, "an attribute can not be written");
}

void Hdf5Output::set_integer(const std::string& group, const std::string& name, long long value) {
  const auto lock = hdf5_lock();
  const Hdf5Handle attribute = scalar_attribute(group, name, H5T_STD_I64LE);
  check_write(H5Awrite(attribute.get(), H5T_NATIVE_LLONG, &value), file_, "an attribute can not be written");
}

void Hdf5Output::finish() {
  const auto lock = hdf5_lock();
  check_write(H5Fflush(id(), H5F_SCOPE_GLOBAL), file_, "can not be flushed; is the disk full?");
  hsize_t allocated = 0;
  check_write(H5Fget_filesize(id(), &allocated), file_, "its size is not known");
  check_write(H5Fclose(file_handle_.release()), file_, "can not be closed; is the disk full?");

  const int descriptor = open(part_.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat status {};
  const bool whole = descriptor >= 0 && fstat(descriptor, &status) == 0 && fsync(descriptor) == 0;
  const int failure = errno;
  if (descriptor >= 0) ::close(descriptor);
  const bool complete = whole && static_cast<hsize_t>(status.st_size) >= allocated;
  if (!complete || std::rename(part_.c_str(), file_.c_str()) != 0) {
    const std::string reason =
        complete || !whole ? std::strerror(complete ? errno : failure) : "the disk took fewer bytes than were written";
    std::remove(part_.c_str());
    fail(file_, reason);
  }
}

}  // namespace attnspec
