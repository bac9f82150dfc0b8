// The verbs: each adds itself to the command line and, when it is called, leaves its exit code behind.
#pragma once

#include <CLI/CLI.hpp>

namespace attnspec {

/// Exit codes beside those of ErrorKind.
enum ExitCode { exit_done = 0, exit_check_failed = 1, exit_skipped = 5, exit_interrupted = 128 };

void add_inspect_command(CLI::App& app, int& exit_code);
void add_spectrum_command(CLI::App& app, int& exit_code);
void add_verify_command(CLI::App& app, int& exit_code);
void add_backends_command(CLI::App& app, int& exit_code);
void add_synth_command(CLI::App& app, int& exit_code);

}  // namespace attnspec
