// Times, memory and inputs of this run.
#include "tools/run_facts.hpp"

#include <fmt/chrono.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <chrono>
#include <ctime>

namespace attnspec {
namespace {

const auto start = std::chrono::steady_clock::now();
std::vector<std::string> command_line;

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
}

}  // namespace

void remember_command_line(int count, const char* const* words) { command_line.assign(words, words + count); }

Manifest begin_manifest(const std::string& verb) {
  Manifest manifest;
  manifest.version = version;
  manifest.git_hash = git_hash;
  manifest.verb = verb;
  manifest.command_line = command_line;
  return manifest;
}

void take_times(Manifest& manifest) {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  manifest.wall_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  manifest.cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  manifest.peak_memory_bytes = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

void take_backend(Manifest& manifest, const ChosenBackend& chosen, unsigned threads) {
  const BlasFacts blas = blas_facts();
  manifest.device = chosen.device;
  manifest.card = chosen.card;
  manifest.method = chosen.method;
  manifest.method_choice = chosen.choice;
  manifest.blas = blas.config;
  manifest.blas_kernel = blas.kernel;
  manifest.blas_kernel_choice = blas.kernel_choice;
  manifest.threads = threads;
  manifest.seconds_computing = chosen.backend->seconds_computing();
}

std::string input_key(const InputOptions& options, OnBad on_bad) {
  std::string key =
      fmt::format("layers [{}], heads [{}], samples [{}], length {}, dataset [{}], axes [{}], stage [{}], on-bad {}",
                  options.layers, options.heads, options.samples, options.length, options.layout.dataset,
                  options.layout.axes, options.layout.stage, static_cast<int>(on_bad));
  for (const std::string& file : options.dumps) {
    const ManifestInput input = describe_file(file);
    key += fmt::format(", {} ({} bytes, {})", file, input.bytes, input.modified);
  }
  return key;
}

ManifestInput describe_file(const std::string& path) {
  ManifestInput input;
  input.path = path;
  struct stat status {};
  if (stat(path.c_str(), &status) == 0) {
    input.bytes = static_cast<std::uint64_t>(status.st_size);
    input.modified =
        fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:09}Z", fmt::gmtime(status.st_mtim.tv_sec), status.st_mtim.tv_nsec);
  }
  return input;
}

}  // namespace attnspec
