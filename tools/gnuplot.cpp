// One gnuplot process a figure.
#include "tools/gnuplot.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "lib/core/error.hpp"

extern char** environ;

namespace attnspec {
namespace {

struct Running {
  pid_t process = 0;
  std::string name, log;
};

/// Ours, with a UTF-8 locale: in the C locale gnuplot complains of every letter beyond ASCII.
std::vector<char*> environment() {
  static std::string locale = "LC_ALL=C.UTF-8";
  std::vector<char*> variables;
  for (char** variable = environ; *variable != nullptr; ++variable)
    if (std::strncmp(*variable, "LC_ALL=", 7) != 0) variables.push_back(*variable);
  variables.push_back(locale.data());
  variables.push_back(nullptr);
  return variables;
}

Running start(const std::string& folder, const std::string& name, const std::string& formats) {
  Running running{0, name, folder + "/" + name + ".log"};
  std::string script = name + ".gp", chosen = "formats='" + formats + "'", program = "gnuplot", flag = "-e";
  std::array<char*, 5> arguments{program.data(), flag.data(), chosen.data(), script.data(), nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, running.log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
  posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
  const int failure =
      posix_spawnp(&running.process, "gnuplot", &actions, nullptr, arguments.data(), environment().data());
  posix_spawn_file_actions_destroy(&actions);
  if (failure != 0)
    throw Error(ErrorKind::unsupported, std::string("gnuplot can not be started: ") + std::strerror(failure));
  return running;
}

std::string said(const std::string& log) {
  std::ifstream in(log);
  std::stringstream text;
  text << in.rdbuf();
  std::error_code ignored;
  std::filesystem::remove(log, ignored);
  return text.str();
}

}  // namespace

bool gnuplot_is_here() {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');)
    if (access((folder + "/gnuplot").c_str(), X_OK) == 0) return true;
  return false;
}

void draw_figures(const std::string& folder, const std::vector<std::string>& names,
                  const std::vector<std::string>& formats) {
  std::string list;
  for (const std::string& format : formats) list += (list.empty() ? "" : " ") + format;
  std::vector<Running> all;
  for (const std::string& name : names) all.push_back(start(folder, name, list));
  std::string failures;
  for (const Running& running : all) {
    int status = 0;
    while (waitpid(running.process, &status, 0) < 0 && errno == EINTR) {
    }
    const std::string words = said(running.log);
    bool whole = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    std::error_code ignored;
    for (const std::string& format : formats) {
      const std::string picture = folder + "/" + running.name + "." + format;
      whole = whole && std::filesystem::exists(picture, ignored) && std::filesystem::file_size(picture, ignored) > 0;
    }
    if (!whole) failures += running.name + ": " + (words.empty() ? "no word of why" : words) + "\n";
  }
  if (!failures.empty())
    throw Error(ErrorKind::output,
                "gnuplot could not draw " + failures + "Is the disk full? --figures none leaves the figures out");
}

}  // namespace attnspec
