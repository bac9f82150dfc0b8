// The only writer of text files.
#include "tools/output.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include "lib/core/error.hpp"

namespace attnspec {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const std::string& place, const std::string& reason) {
  throw Error(ErrorKind::output, place + ": " + reason);
}

std::string last_failure() { return std::strerror(errno); }

/// An open file descriptor.
class Descriptor {
 public:
  explicit Descriptor(int id) : id_(id) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (id_ >= 0) close(id_);
  }
  int get() const { return id_; }
  int release() { return std::exchange(id_, -1); }

 private:
  int id_;
};

void write_whole(const std::string& path, const std::string& shown, std::string_view text) {
  Descriptor out(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (out.get() < 0) fail(shown, "can not be made: " + last_failure());
  while (!text.empty()) {
    const ssize_t written = ::write(out.get(), text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0)
      fail(shown, "could not be written whole: " + last_failure() + ". Nothing was left under that name");
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  if (close(out.release()) != 0)
    fail(shown, "did not reach the disk: " + last_failure() + ". Nothing was left under that name");
}

std::string sha256_of(const std::string& path) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  const Descriptor in(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (in.get() < 0 || !context || EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) != 1)
    fail(path, "can not be read back");
  std::vector<unsigned char> block(std::size_t{1} << 20);
  for (ssize_t got; (got = read(in.get(), block.data(), block.size())) != 0;) {
    if (got < 0) fail(path, "can not be read back: " + last_failure());
    EVP_DigestUpdate(context.get(), block.data(), static_cast<std::size_t>(got));
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  EVP_DigestFinal_ex(context.get(), digest.data(), &length);
  std::string hex;
  for (unsigned i = 0; i < length; ++i) hex += fmt::format("{:02x}", digest[i]);
  return hex;
}

}  // namespace

OutputFolder::OutputFolder(std::string folder, const std::vector<std::string>& names, bool overwrite)
    : folder_(std::move(folder)), workshop_(folder_ + "/.attnspec-part") {
  std::error_code failure;
  if (fs::exists(folder_, failure) && !fs::is_directory(folder_, failure))
    fail(folder_, "is a file, expected a folder for the results; give another with -o");
  if (!overwrite)
    for (const std::string& name : names)
      if (fs::exists(folder_ + "/" + name, failure))
        fail(folder_, "already holds " + name + "; give another folder with -o, or --overwrite");
  folder_was_made_ = fs::create_directories(folder_, failure);
  if (failure) fail(folder_, "can not be made: " + failure.message() + "; give another folder with -o");
  fs::create_directory(workshop_, failure);
  if (failure) fail(folder_, "can not be written to: " + failure.message() + "; give another folder with -o");
  lock_ = open(workshop_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (lock_ < 0) fail(workshop_, "can not be opened: " + last_failure());
  if (flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    close(std::exchange(lock_, -1));
    fail(folder_, "another attnspec is writing to it; wait for it, or give another folder with -o");
  }
  clear_workshop(true);
}

OutputFolder::~OutputFolder() {
  if (lock_ < 0) return;
  clear_workshop(keep_journal_ && !committed_);
  std::error_code ignored;
  if (!keep_journal_ || committed_) fs::remove(workshop_, ignored);
  if (folder_was_made_ && !committed_) fs::remove(folder_, ignored);  // only where it is empty
  close(lock_);
}

std::vector<std::string> OutputFolder::workshop_files() const {
  std::vector<std::string> names;
  std::error_code failure;
  for (const auto& entry : fs::directory_iterator(workshop_, failure))
    names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

void OutputFolder::clear_workshop(bool keep_journal) const {
  std::error_code ignored;
  for (const std::string& name : workshop_files())
    if (!(keep_journal && name == "journal")) fs::remove_all(workshop_ + "/" + name, ignored);
}

void OutputFolder::write(const TextFile& file) {
  write_whole(path_of(file.name), folder_ + "/" + file.name, file.text);
}

std::vector<ManifestOutput> OutputFolder::made() const {
  std::vector<ManifestOutput> outputs;
  for (const std::string& name : workshop_files())
    if (name != "journal") outputs.push_back({name, sha256_of(path_of(name)), fs::file_size(path_of(name))});
  return outputs;
}

void OutputFolder::commit() {
  for (const std::string& name : workshop_files()) {
    if (name == "journal") continue;
    const Descriptor file(open(path_of(name).c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() < 0 || fsync(file.get()) != 0)
      fail(folder_ + "/" + name,
           "did not reach the disk: " + last_failure() + ". Nothing was left under that name");
  }
  for (const std::string& name : workshop_files()) {
    if (name == "journal") continue;
    if (std::rename(path_of(name).c_str(), (folder_ + "/" + name).c_str()) != 0)
      fail(folder_ + "/" + name, "can not be given its name: " + last_failure());
  }
  committed_ = true;
}

void print(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
    fail("stdout", "could not be written whole: " + last_failure());
}

}  // namespace attnspec
