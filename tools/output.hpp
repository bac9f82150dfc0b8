// The folder of results: everything is made beside it under a hidden name and appears whole at the end, or not at all.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "analysis/writers/manifest.hpp"
#include "analysis/writers/text_file.hpp"

namespace attnspec {

class OutputFolder {
 public:
  /// Makes the folder and its hidden workshop. Throws Error(output) where one of `names` exists already and overwrite
  /// is false, where the folder can not be made or written, or where another run is at work in it.
  OutputFolder(std::string folder, const std::vector<std::string>& names, bool overwrite);
  /// Removes what was not committed, the journal excepted where it is to be kept.
  ~OutputFolder();
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;

  const std::string& folder() const { return folder_; }
  /// Where a result is made until commit().
  std::string workshop() const { return workshop_; }
  std::string path_of(const std::string& name) const { return workshop_ + "/" + name; }
  std::string journal_path() const { return workshop_ + "/journal"; }
  void keep_journal(bool keep) { keep_journal_ = keep; }

  /// Writes a text whole, down to the disk. Throws Error(output).
  void write(const TextFile& file);
  /// What has been made so far, sorted by name.
  std::vector<ManifestOutput> made() const;
  /// Moves every result to its name in the folder. Throws Error(output).
  void commit();

 private:
  std::vector<std::string> workshop_files() const;
  void clear_workshop(bool keep_journal) const;

  std::string folder_, workshop_;
  int lock_ = -1;
  bool folder_was_made_ = false, keep_journal_ = false, committed_ = false;
};

/// Writes to stdout and throws Error(output) where it can not be written (a full disk, a closed pipe).
void print(const std::string& text);

}  // namespace attnspec
