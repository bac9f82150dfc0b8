// A virtual file driver of read-only calls.
#include "lib/dump/catalog_reader/descriptor_driver.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace attnspec {
namespace {

struct DescriptorFile {
  H5FD_t base;  // first: HDF5 takes the address of it for that of the whole
  haddr_t end_of_allocation, end_of_file;
};

// HDF5 hands a driver a name and no more, and this process has one file.
int the_descriptor = -1;
bool recording = false;
std::optional<PlaceRecorder::Place> recorded;
DescriptorFile the_file;

H5FD_t* open_file(const char*, unsigned flags, hid_t, haddr_t) {
  struct stat status {};
  if ((flags & H5F_ACC_RDWR) != 0 || fstat(the_descriptor, &status) != 0) return nullptr;
  the_file = {};
  the_file.end_of_file = static_cast<haddr_t>(status.st_size);
  return &the_file.base;
}

herr_t close_file(H5FD_t*) { return 0; }

int compare(const H5FD_t* one, const H5FD_t* other) { return one < other ? -1 : one > other; }

herr_t query(const H5FD_t*, unsigned long* flags) {
  if (flags != nullptr) *flags = H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE | H5FD_FEAT_SUPPORTS_SWMR_IO;
  return 0;
}

haddr_t end_of_allocation(const H5FD_t*, H5FD_mem_t) { return the_file.end_of_allocation; }

herr_t set_end_of_allocation(H5FD_t*, H5FD_mem_t, haddr_t end) {
  the_file.end_of_allocation = end;
  return 0;
}

haddr_t end_of_file(const H5FD_t*, H5FD_mem_t) { return the_file.end_of_file; }

herr_t read_bytes(H5FD_t*, H5FD_mem_t kind, hid_t, haddr_t offset, std::size_t bytes, void* out) {
  if (recording && kind == H5FD_MEM_DRAW) {
    recorded = {offset, bytes};
    return 0;
  }
  auto* to = static_cast<char*>(out);
  while (bytes > 0) {
    const ssize_t got = pread(the_descriptor, to, bytes, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -1;
    if (got == 0) {  // past the end HDF5 expects zeros
      for (std::size_t i = 0; i < bytes; ++i) to[i] = 0;
      return 0;
    }
    to += got;
    offset += static_cast<haddr_t>(got);
    bytes -= static_cast<std::size_t>(got);
  }
  return 0;
}

herr_t refuse_write(H5FD_t*, H5FD_mem_t, hid_t, haddr_t, std::size_t, const void*) { return -1; }

H5FD_class_t driver() {
  H5FD_class_t calls{};
  calls.name = "attnspec descriptor";
  calls.maxaddr = static_cast<haddr_t>(INT64_MAX);
  calls.fc_degree = H5F_CLOSE_STRONG;
  calls.open = open_file;
  calls.close = close_file;
  calls.cmp = compare;
  calls.query = query;
  calls.get_eoa = end_of_allocation;
  calls.set_eoa = set_end_of_allocation;
  calls.get_eof = end_of_file;
  calls.read = read_bytes;
  calls.write = refuse_write;
  const H5FD_mem_t map[] = H5FD_FLMAP_DICHOTOMY;
  for (int i = 0; i < H5FD_MEM_NTYPES; ++i) calls.fl_map[i] = map[i];
  return calls;
}

}  // namespace

hid_t open_descriptor(int descriptor) {
  static const H5FD_class_t calls = driver();
  the_descriptor = descriptor;
  const hid_t id = H5FDregister(&calls), access = H5Pcreate(H5P_FILE_ACCESS);
  if (id < 0 || access < 0 || H5Pset_driver(access, id, nullptr) < 0) return -1;
  return H5Fopen("the dump", H5F_ACC_RDONLY, access);  // the list stays open: closing it would wipe out the reason
}

PlaceRecorder::PlaceRecorder() { recording = true; }
PlaceRecorder::~PlaceRecorder() { recording = false; }
std::optional<PlaceRecorder::Place> PlaceRecorder::take() { return std::exchange(recorded, std::nullopt); }

}  // namespace attnspec
