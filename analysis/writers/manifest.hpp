// run.json: what was run, on what, with what, and what came out.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "lib/core/export.hpp"

namespace attnspec {

struct ManifestInput {
  std::string path;
  std::uint64_t bytes = 0;
  std::string modified;  ///< ISO 8601, UTC
  std::string model, layout;
  std::size_t matrices = 0, done = 0;
  std::map<std::string, std::size_t> methods;            ///< spectra by the method that found them
  std::map<std::string, std::size_t> skipped, warnings;  ///< by kind
};

struct ManifestOutput {
  std::string name, sha256;
  std::uint64_t bytes = 0;
};

struct Manifest {
  std::string version, git_hash, verb;
  std::vector<std::string> command_line;
  std::map<std::string, std::string> options;  ///< resolved: what was asked for, and what was taken where nothing was
  std::vector<ManifestInput> inputs;
  std::vector<ManifestOutput> outputs;
  std::string device, card, method, method_choice;  ///< card: empty on the CPU
  std::string blas, blas_kernel, blas_kernel_choice;
  std::size_t threads = 0;
  double wall_seconds = 0, cpu_seconds = 0, seconds_waiting = 0;
  double seconds_computing = 0;  ///< processor time of all threads on spectra or trials; 0 where nobody counted
  std::uint64_t peak_memory_bytes = 0;
};

/// Indented JSON, keys in a fixed order.
ATTNSPEC_API std::string manifest_json(const Manifest& manifest);

}  // namespace attnspec
