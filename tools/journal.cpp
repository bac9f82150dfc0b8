// Records: length, checksum, bytes. The first is the key.
#include "tools/journal.hpp"

#include <libdeflate.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "lib/core/error.hpp"

namespace attnspec {
namespace {

constexpr std::uint64_t longest_record = std::uint64_t{1} << 30;
constexpr std::size_t buffer_bytes = std::size_t{1} << 18;  // about a batch of records: one write each

/// Finds torn and mixed-up records, zeros among them; no defence against malice.
std::uint64_t checksum(const std::string& bytes) {
  const std::uint64_t length = bytes.size();
  return libdeflate_crc32(libdeflate_crc32(0, &length, sizeof length), bytes.data(), bytes.size());
}

}  // namespace

Journal::Journal(const std::string& path, const std::string& key, bool resume)
    : path_(path), buffer_(std::make_unique<char[]>(buffer_bytes)) {
  file_.reset(std::fopen(path.c_str(), resume ? "a+b" : "w+b"));
  if (!file_) throw Error(ErrorKind::output, path + ": can not be made: " + std::strerror(errno));
  std::setvbuf(file_.get(), buffer_.get(), _IOFBF, buffer_bytes);
  std::rewind(file_.get());
  const auto old_key = read_record();
  if (!old_key) {
    begin_appending();
    write_record(key);
    return;
  }
  if (*old_key != key)
    throw Error(ErrorKind::usage, path + ": --resume: the interrupted run had other inputs or options. It had\n  " +
                                      *old_key + "\nand this one has\n  " + key +
                                      "\nGive the same again, or leave out --resume to start over");
  const long first = good_end_;
  while (read_record()) ++recalled_;
  good_end_ = first;
  std::fseek(file_.get(), first, SEEK_SET);
}

std::optional<std::string> Journal::read_record() {
  std::uint64_t length = 0, sum = 0;
  if (std::fread(&length, sizeof length, 1, file_.get()) != 1 || std::fread(&sum, sizeof sum, 1, file_.get()) != 1 ||
      length > longest_record)
    return std::nullopt;
  std::string bytes(length, '\0');
  if (std::fread(bytes.data(), 1, length, file_.get()) != length || checksum(bytes) != sum) return std::nullopt;
  good_end_ = std::ftell(file_.get());
  return bytes;
}

void Journal::begin_appending() {
  appending_ = true;
  if (std::fflush(file_.get()) != 0 || ftruncate(fileno(file_.get()), good_end_) != 0)
    throw Error(ErrorKind::output, path_ + ": its torn end can not be cut off: " + std::strerror(errno));
  std::fseek(file_.get(), good_end_, SEEK_SET);
}

void Journal::write_record(const std::string& bytes) {
  const std::uint64_t length = bytes.size(), sum = checksum(bytes);
  const bool good = std::fwrite(&length, sizeof length, 1, file_.get()) == 1 &&
                    std::fwrite(&sum, sizeof sum, 1, file_.get()) == 1 &&
                    std::fwrite(bytes.data(), 1, bytes.size(), file_.get()) == bytes.size();
  if (!good)
    throw Error(ErrorKind::output,
                path_ + ": can not be written: " + std::strerror(errno) + "; make room and give --resume");
}

std::optional<std::string> Journal::recall() {
  if (appending_) return std::nullopt;
  if (auto bytes = read_record()) return bytes;
  begin_appending();
  return std::nullopt;
}

void Journal::append(const std::string& record) { write_record(record); }

void Journal::flush() {
  if (std::fflush(file_.get()) != 0)
    throw Error(ErrorKind::output,
                path_ + ": can not be written: " + std::strerror(errno) + "; make room and give --resume");
}

}  // namespace attnspec
