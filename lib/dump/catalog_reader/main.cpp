// attnspec-catalog: reads an HDF5 file's table of contents where a crash hurts nobody. Started by libattnspec; the dump
// is open as descriptor 3, the argument is its name for messages, the table goes to standard output.
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <new>
#include <string>
#include <string_view>

#include "lib/core/error.hpp"
#include "lib/dump/catalog_reader/contract.hpp"
#include "lib/dump/catalog_reader/descriptor_driver.hpp"
#include "lib/dump/catalog_reader/walk.hpp"
#include "lib/dump/catalog_wire.hpp"
#include "lib/dump/hdf5_handle.hpp"

namespace attnspec {
namespace {

void limit(int what, rlim_t most, rlim_t at_last) {
  const rlimit both{most, at_last};
  setrlimit(static_cast<__rlimit_resource>(what), &both);
}

void limit(int what, rlim_t most) { limit(what, most, most); }

/// Before HDF5 sees a byte of the file.
void give_up_rights() {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_FSIZE, 0);
  limit(RLIMIT_CPU, catalog_reader::most_cpu_seconds, catalog_reader::most_cpu_seconds + 1);  // SIGXCPU, then SIGKILL
#if !defined(__SANITIZE_ADDRESS__)                            // which opens pipes, and whose shadow is terabytes
  limit(RLIMIT_NOFILE, catalog_reader::dump_descriptor + 1);  // no other file can be opened any more
  limit(RLIMIT_AS, catalog_reader::most_memory);
#endif
}

std::string table_of(const std::string& name) {
  Catalog catalog;
  catalog.file = name;
  const hid_t file = open_descriptor(catalog_reader::dump_descriptor);
  if (file < 0) {
    const std::string reason = hdf5_reason();
    if (reason.find("truncated") != std::string::npos)
      throw Error(ErrorKind::input,
                  name + ": is truncated: " + std::to_string(lseek(catalog_reader::dump_descriptor, 0, SEEK_END)) +
                      " bytes, fewer than its header promises (HDF5: " + reason + "). Copy or dump it again");
    throw Error(ErrorKind::input, name + ": is damaged (HDF5: " + reason + "). Copy or dump it again");
  }
  walk(file, catalog);
  return wire_of(catalog);
}

std::string answer(const std::string& name) {
  try {
    return table_of(name);
  } catch (const Error& error) {
    return wire_of(error.kind(), error.what());
  } catch (const std::bad_alloc&) {
    return wire_of(ErrorKind::input, name +
                                         ": its table of contents takes more than 512 MiB to read. The file is "
                                         "damaged, or means harm; copy or dump it again");
  }
}

bool send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = write(STDOUT_FILENO, bytes.data(), bytes.size());
    if (sent < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

}  // namespace
}  // namespace attnspec

int main(int argc, char** argv) {
  const auto lock = attnspec::hdf5_lock();
  attnspec::give_up_rights();
  const bool sent = argc == 2 && attnspec::send(attnspec::answer(argv[1]));
  _exit(sent ? EXIT_SUCCESS : EXIT_FAILURE);  // HDF5's tidying up is not needed
}
