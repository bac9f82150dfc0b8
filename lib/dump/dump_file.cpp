// Opening a file that may be anything, and reading where we are told.
#include "lib/dump/dump_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "lib/core/error.hpp"

namespace attnspec {
namespace {

[[noreturn]] void refuse(const std::string& file, const std::string& reason) {
  throw Error(ErrorKind::input, file + ": " + reason);
}

std::string shown(std::span<const char> bytes) {
  std::string text;
  for (const char c : bytes) text += std::isprint(static_cast<unsigned char>(c)) != 0 ? c : '.';
  return text;
}

/// Signature, version of the superblock, two sizes, and in version 3 whether a writer has it open.
using Superblock = std::array<unsigned char, 12>;

/// It stands at 0, 512, 1024, 2048, ...
std::optional<Superblock> superblock_of(int descriptor, std::uint64_t bytes) {
  constexpr std::string_view signature("\x89HDF\r\n\x1a\n", 8);
  Superblock head{};
  for (std::uint64_t at = 0; at + signature.size() <= bytes; at = at == 0 ? 512 : 2 * at) {
    head = {};
    if (pread(descriptor, head.data(), head.size(), static_cast<off_t>(at)) >= static_cast<ssize_t>(signature.size()) &&
        std::memcmp(head.data(), signature.data(), signature.size()) == 0)
      return head;
  }
  return std::nullopt;
}

bool was_never_closed(const Superblock& head) {
  constexpr unsigned char version = 3, write_access = 1;
  return head[8] == version && (head[11] & write_access) != 0;
}

/// HDF5 locks a file that it writes; who has turned that off wants none of it here either.
bool is_being_written(int descriptor) {
  const char* locking = std::getenv("HDF5_USE_FILE_LOCKING");
  if (locking != nullptr && std::string_view(locking) == "FALSE") return false;
  if (flock(descriptor, LOCK_SH | LOCK_NB) != 0) return errno == EWOULDBLOCK;
  flock(descriptor, LOCK_UN);
  return false;
}

}  // namespace

DumpFile::DumpFile(std::string path) : path_(std::move(path)) {
  struct stat status {};
  if (stat(path_.c_str(), &status) != 0) {
    if (errno == ENOENT) refuse(path_, "no such file. Check the path; `ls` shows what is there");
    refuse(path_, std::string("can not be opened: ") + std::strerror(errno));
  }
  if (S_ISDIR(status.st_mode)) refuse(path_, "is a folder, expected an HDF5 file; name a dump inside it");
  if (!S_ISREG(status.st_mode)) refuse(path_, "is not a regular file, expected an HDF5 file");
  if (status.st_size == 0) refuse(path_, "is empty (0 bytes), expected an HDF5 file. Was the dump interrupted?");
  descriptor_ = open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor_ < 0 || fstat(descriptor_, &status) != 0)
    refuse(path_, std::string("can not be read: ") + std::strerror(errno));
  bytes_ = static_cast<std::uint64_t>(status.st_size);
  try {
    check_first_bytes();
  } catch (...) {
    close(descriptor_);
    throw;
  }
}

void DumpFile::check_first_bytes() const {
  const auto superblock = superblock_of(descriptor_, bytes_);
  if (!superblock) {
    std::array<char, 12> head{};
    const ssize_t got = pread(descriptor_, head.data(), head.size(), 0);
    refuse(path_, "is not an HDF5 file: " + std::to_string(bytes_) + " bytes that begin with \"" +
                      shown({head.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))}) +
                      "\". attnspec reads HDF5 dumps; tools/dump_attention.py makes one from a model and a text");
  }
  if (is_being_written(descriptor_)) refuse(path_, "is still being written by another process. Wait for the writer");
  if (was_never_closed(*superblock))
    refuse(path_,
           "was never closed by its writer, or is still being written. Wait for the writer; `h5clear -s` mends a "
           "file whose writer died");
}

DumpFile::~DumpFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

void DumpFile::read(std::uint64_t offset, std::span<std::byte> out, const std::string& what) const {
  while (!out.empty()) {
    const ssize_t got = pread(descriptor_, out.data(), out.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0)
      refuse(path_, what + ": can not be read: " +
                        (got == 0 ? "the file ends before its bytes do; copy or dump it again" : std::strerror(errno)));
    out = out.subspan(static_cast<std::size_t>(got));
    offset += static_cast<std::uint64_t>(got);
  }
}

}  // namespace attnspec
