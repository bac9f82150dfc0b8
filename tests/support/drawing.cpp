// gnuplot by the shell, as a user would.
#include "tests/support/drawing.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <unistd.h>

namespace attnspec::test {
namespace fs = std::filesystem;

bool has_gnuplot() {
  static const bool found = std::system("gnuplot --version > /dev/null 2>&1") == 0;
  if (!found) WARN("gnuplot is not here: nothing was drawn");
  return found;
}

DrawingFolder::DrawingFolder() : path_(fs::temp_directory_path() / ("attnspec_drawing_" + std::to_string(getpid()))) {
  fs::remove_all(path_);
  fs::create_directories(path_);
}

DrawingFolder::~DrawingFolder() { fs::remove_all(path_); }

bool DrawingFolder::has(const std::string& name) const {
  return fs::exists(path_ / name) && fs::file_size(path_ / name) > 500;
}

std::string DrawingFolder::bytes_of(const std::string& name) const {
  std::stringstream bytes;
  bytes << std::ifstream(path_ / name, std::ios::binary).rdbuf();
  return bytes.str();
}

std::size_t DrawingFolder::files() const {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(path_), fs::directory_iterator()));
}

int DrawingFolder::draw(const Figure& figure, const std::string& formats) const {
  for (const TextFile& file : {figure.script, figure.data}) std::ofstream(path_ / file.name) << file.text;
  const std::string log = "../" + path_.filename().string() + ".log";
  const std::string command = "cd '" + path_.string() + "' && LC_ALL=C.UTF-8 gnuplot -e \"formats='" + formats +
                              "'\" " + figure.script.name + " > " + log + " 2>&1";
  const int code = std::system(command.c_str());
  const std::string said = bytes_of(log);
  fs::remove(path_ / log);
  UNSCOPED_INFO(figure.name << ": " << said);
  return code == 0 && !said.empty() ? -1 : code;
}

void require_drawn(const Figure& figure) {
  const DrawingFolder folder;

  REQUIRE(folder.draw(figure, "svg pdf png") == 0);

  for (const std::string format : {".svg", ".pdf", ".png"}) REQUIRE(folder.has(figure.name + format));
}

const std::vector<std::string>& hostile_names() {
  static const std::vector<std::string> names{"'; system('touch pwned'); '",
                                              "`touch pwned`",
                                              "\"; system(\"touch pwned\")",
                                              "x\nsystem('touch pwned')",
                                              "x\r!touch pwned",
                                              "{/=99 @x_y^2}",
                                              "}}}{{{",
                                              "ends in \\",
                                              "#!&~%s%n",
                                              "\xff\xc3",
                                              "&#x0;&#0;<b>",
                                              "模型",
                                              "\u202Eevil",
                                              "$(touch pwned)",
                                              "' . system('touch pwned') . '"};
  return names;
}

}  // namespace attnspec::test
