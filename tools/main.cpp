// attnspec: reads the command line, runs a verb, and is the only place that catches.
#include <CLI/CLI.hpp>
#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "lib/core/error.hpp"
#include "tools/commands.hpp"
#include "tools/help.hpp"
#include "tools/interrupt.hpp"
#include "tools/output.hpp"
#include "tools/run_facts.hpp"
#include "tools/spelling.hpp"
#include "tools/terminal.hpp"

namespace attnspec {
namespace {

constexpr const char* description =
    "How low-rank is attention, and does the theory hold? Spectra of the attention matrices in a dump, and "
    "Linformer's\n"
    "theorems on trial.\n\n"
    "Examples:\n"
    "  attnspec inspect dump.h5        what is in this dump, and is it sound?\n"
    "  attnspec spectrum dump.h5       how low-rank is each head? (Figure 1)\n"
    "  attnspec verify dump.h5         do Lemma 1 and Theorems 1 and 2 hold on this dump?\n"
    "  attnspec spectrum -h            the options of a verb\n";

int run(int count, char** words) {
  CLI::App app(description, "attnspec");
  app.formatter(std::make_shared<HelpText>());
  app.set_version_flag("--version", version_text(), "version and build facts");
  app.require_subcommand(1);
  int exit_code = exit_done;
  add_inspect_command(app, exit_code);
  add_spectrum_command(app, exit_code);
  add_verify_command(app, exit_code);
  add_backends_command(app, exit_code);
  add_synth_command(app, exit_code);
  try {
    check_spelling(app, {words + 1, words + count});
    if (count == 1) {
      print(app.help());
      return static_cast<int>(ErrorKind::usage);
    }
    app.parse(count, words);
  } catch (const CLI::CallForHelp&) {
    const auto chosen = app.get_subcommands();
    print(chosen.empty() ? app.help() : chosen.front()->help());
    return exit_done;
  } catch (const CLI::CallForVersion&) {
    print(version_text());
    return exit_done;
  } catch (const CLI::ParseError& error) {
    throw Error(ErrorKind::usage, std::string(error.what()) + " (attnspec --help, attnspec VERB --help)");
  }
  return exit_code;
}

/// A closed standard stream would be reopened as the first output file, and take our words.
void keep_standard_streams() {
  while (true) {
    const int descriptor = open("/dev/null", O_RDWR);
    if (descriptor < 0) return;
    if (descriptor > STDERR_FILENO) {
      close(descriptor);
      return;
    }
    if (descriptor == STDOUT_FILENO) {  // so that results for a closed stdout are an error, not lost
      close(descriptor);
      open("/dev/null", O_RDONLY);
    }
  }
}

int complain(int code, const std::string& message) {
  say("attnspec: " + message);
  return code;
}

}  // namespace
}  // namespace attnspec

int main(int count, char** words) {
  using namespace attnspec;
  keep_standard_streams();
  std::signal(SIGPIPE, SIG_IGN);  // a closed stdout is exit 4, not a silent death
  catch_interrupts();
  remember_command_line(count, words);
  try {
    return run(count, words);
  } catch (const Error& error) {
    return complain(static_cast<int>(error.kind()), error.what());
  } catch (const std::bad_alloc&) {
    return complain(static_cast<int>(ErrorKind::limit),
                    "out of memory; give a smaller --max-memory or fewer --threads");
  } catch (const std::exception& error) {
    return complain(static_cast<int>(ErrorKind::internal),
                    std::string("a mistake of ours: ") + error.what() + "; please report it with the command line");
  }
}
