// What a run knows of itself: version, time, memory, inputs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "analysis/writers/manifest.hpp"
#include "lib/backend/registry.hpp"
#include "tools/options.hpp"

namespace attnspec {

extern const char* const version;
extern const char* const git_hash;

/// The command line as main() got it.
void remember_command_line(int count, const char* const* words);

/// A manifest with version, command line, time since start, processor time and peak memory filled in.
Manifest begin_manifest(const std::string& verb);
void take_times(Manifest& manifest);

/// Which device, method and BLAS kernel computed.
void take_backend(Manifest& manifest, const ChosenBackend& chosen, unsigned threads);

/// What makes two runs read the same, in words: files, selection, layout.
std::string input_key(const InputOptions& options, OnBad on_bad);

/// Size and time of the last change of a file.
ManifestInput describe_file(const std::string& path);

/// The same with what the dump is and what became of its matrices; `Result` is a survey's or a verification's.
template <class Result>
ManifestInput describe_dump(const std::string& path, const DumpInfo& info, const Result& result) {
  ManifestInput input = describe_file(path);
  input.model = info.model;
  input.layout = info.layout;
  input.matrices = result.matrices;
  input.done = result.done;
  if constexpr (requires { result.methods; }) input.methods = result.methods;
  input.skipped = result.skipped;
  input.warnings = result.warnings;
  return input;
}

/// Name and number on the first line, then build facts.
std::string version_text();

}  // namespace attnspec
