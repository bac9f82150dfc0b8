// HDF5 reads the table of contents in a process of its own: what kills that process does not kill this one.
#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "lib/core/error.hpp"
#include "lib/dump/catalog.hpp"
#include "lib/dump/catalog_check.hpp"
#include "lib/dump/catalog_reader/contract.hpp"
#include "lib/dump/catalog_wire.hpp"

extern char** environ;

namespace attnspec {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t most_table_bytes = std::size_t{512} << 20;

[[noreturn]] void can_not_start(const std::string& why) {
  throw Error(ErrorKind::unsupported, "the process that reads HDF5 can not be started: " + why +
                                          ". It is part of attnspec: install or build it whole");
}

/// Beside this library: in libexec/attnspec of the same tree, installed or built.
std::string reader_program() {
  Dl_info info{};
  if (dladdr(reinterpret_cast<const void*>(&read_catalog), &info) == 0 || info.dli_fname == nullptr)
    can_not_start("this library does not know where it lies");
  std::string folder = info.dli_fname;
  folder.erase(std::min(folder.size(), folder.rfind('/') + 1));
  for (const char* way : {"../libexec/attnspec/", "../../libexec/attnspec/"}) {
    std::string program = folder + way + catalog_reader::program;
    if (access(program.c_str(), X_OK) == 0) return program;
  }
  can_not_start(folder + "../libexec/attnspec/" + catalog_reader::program + " is not there");
}

class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { reset(); }
  int get() const { return number_; }
  void reset(int number = -1) {
    if (number_ >= 0) close(number_);
    number_ = number;
  }

 private:
  int number_;
};

/// Above the numbers that the child is given, so that none is overwritten while they are laid out.
int lifted(int descriptor) {
  constexpr int above_the_childs = 16;
  const int copy = fcntl(descriptor, F_DUPFD_CLOEXEC, above_the_childs);
  if (copy < 0) can_not_start(std::string("no file descriptor is left: ") + std::strerror(errno));
  return copy;
}

/// A running reader; killed and reaped at the end, whatever happens.
class Child {
 public:
  explicit Child(const DumpFile& file) {
    const std::string program = reader_program();
    std::array<int, 2> pipe{};
    if (pipe2(pipe.data(), O_CLOEXEC) != 0) can_not_start(std::strerror(errno));
    out_.reset(pipe[0]);
    const Descriptor pipe_in(pipe[1]);
    const Descriptor in(lifted(pipe_in.get())), dump(lifted(file.descriptor()));

    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&files, in.get(), STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files, dump.get(), catalog_reader::dump_descriptor);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    // A group of its own: an interrupt from the terminal is this process's to answer.
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    std::array<char*, 3> arguments{const_cast<char*>(program.c_str()), const_cast<char*>(file.path().c_str()), nullptr};
    const int failed = posix_spawn(&id_, program.c_str(), &files, &attributes, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    if (failed != 0) {
      id_ = -1;
      can_not_start(program + ": " + std::strerror(failed));
    }
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (id_ < 0) return;
    kill(id_, SIGKILL);
    wait();
  }

  /// All that it says; cut off at the deadline.
  std::string output(Clock::time_point deadline, bool& late) {
    std::string bytes;
    constexpr std::size_t step = std::size_t{1} << 16;
    for (;;) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
      late = left <= 0 || bytes.size() > most_table_bytes;
      if (late) return bytes;
      pollfd ready{out_.get(), POLLIN, 0};
      if (poll(&ready, 1, static_cast<int>(left)) <= 0) continue;
      const std::size_t before = bytes.size();
      bytes.resize(before + step);
      const ssize_t got = ::read(out_.get(), bytes.data() + before, step);
      bytes.resize(before + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
      if (got == 0 || (got < 0 && errno != EINTR)) return bytes;
    }
  }

  /// How it ended; 0 also where a program around this library reaps children itself.
  int wait() {
    int status = 0;
    while (waitpid(std::exchange(id_, -1), &status, 0) < 0 && errno == EINTR) {
    }
    return status;
  }

 private:
  pid_t id_ = -1;
  Descriptor out_;
};

std::string how_it_ended(int status, bool late) {
  if (late) return "did not come to an end in " + std::to_string(catalog_reader::most_wall_seconds) + " s";
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
    return "did not come to an end in " + std::to_string(catalog_reader::most_cpu_seconds) + " s of computing";
  if (WIFSIGNALED(status)) return "crashed on it (" + std::string(strsignal(WTERMSIG(status))) + ")";
  return "gave up on it";
}

}  // namespace

Catalog read_catalog(const DumpFile& file) {
  Catalog catalog;
  catalog.file = file.path();
  catalog.file_bytes = file.bytes();
  bool late = false;
  int status = 0;
  std::string bytes;
  {
    Child child(file);
    bytes = child.output(Clock::now() + std::chrono::seconds(catalog_reader::most_wall_seconds), late);
    if (!late) status = child.wait();
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == catalog_reader::exit_not_run) can_not_start("it can not run here");
  try {
    take_wire(bytes, catalog);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::internal) throw;
    throw Error(ErrorKind::input, catalog.file + ": its table of contents can not be read: HDF5 " +
                                      how_it_ended(status, late) +
                                      ", in a process of its own. The file is damaged, or means harm; copy or dump it "
                                      "again");
  }
  check_catalog(catalog);
  return catalog;
}

}  // namespace attnspec
