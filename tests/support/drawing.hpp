// A folder where gnuplot draws a figure.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "analysis/writers/figure.hpp"

namespace attnspec::test {

/// False, with a warning, where there is no gnuplot.
bool has_gnuplot();

/// A folder of its own, gone at the end.
class DrawingFolder {
 public:
  DrawingFolder();
  ~DrawingFolder();
  DrawingFolder(const DrawingFolder&) = delete;
  DrawingFolder& operator=(const DrawingFolder&) = delete;

  /// True where the file is there and holds more than an empty picture.
  bool has(const std::string& name) const;
  std::string bytes_of(const std::string& name) const;
  std::size_t files() const;
  /// gnuplot's exit code, or -1 where it wrote anything but pictures, a warning for instance.
  int draw(const Figure& figure, const std::string& formats) const;

 private:
  std::filesystem::path path_;
};

/// Requires that gnuplot draws it in every format without a word.
void require_drawn(const Figure& figure);

/// Would run a program, end a string or start a line if a script took them for more than text.
const std::vector<std::string>& hostile_names();

}  // namespace attnspec::test
