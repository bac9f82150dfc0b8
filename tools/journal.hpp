// What an interrupted run has computed already: an append-only file, a checksum a record, a torn tail dropped.
#pragma once

#include <cstdio>
#include <memory>
#include <optional>
#include <string>

namespace attnspec {

class Journal {
 public:
  /// `key` says what the run is: inputs and options. With `resume` the records of an earlier run are kept, and a
  /// different key is Error(usage); without it the journal starts anew. Throws Error(output).
  Journal(const std::string& path, const std::string& key, bool resume);

  /// The next record of the earlier run; nothing at its end.
  std::optional<std::string> recall();
  /// How many records the earlier run left.
  std::size_t recalled() const { return recalled_; }
  void append(const std::string& record);
  /// Hands what was appended to the system, so that it outlives this process.
  void flush();

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::optional<std::string> read_record();
  void write_record(const std::string& bytes);
  void begin_appending();

  std::string path_;
  std::unique_ptr<char[]> buffer_;  // must outlive file_
  std::unique_ptr<std::FILE, Close> file_;
  long good_end_ = 0;
  std::size_t recalled_ = 0;
  bool appending_ = false;
};

}  // namespace attnspec
