// What the process that reads the table of contents and the one that starts it agree on. Not installed.
#pragma once

#include <cstdint>

namespace attnspec::catalog_reader {

inline constexpr const char* program = "attnspec-catalog";
/// The dump is open for reading under this number; the table goes to standard output.
inline constexpr int dump_descriptor = 3;

inline constexpr int most_cpu_seconds = 10, most_wall_seconds = 60;
inline constexpr std::uint64_t most_memory = std::uint64_t{512} << 20;

/// The shell's word for a program that can not run, which a loader without its libraries gives too.
inline constexpr int exit_not_run = 127;

}  // namespace attnspec::catalog_reader
