// Option groups that several verbs share, and how their values read.
#pragma once

#include <CLI/CLI.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "analysis/spectrum_survey.hpp"
#include "lib/backend/registry.hpp"
#include "lib/dump/attention_dump.hpp"

namespace attnspec {

/// Which matrices of a dump, and how to read it.
struct InputOptions {
  std::vector<std::string> dumps;
  std::string layers, heads, samples;  ///< "0-3,7"; empty: all
  std::size_t length = 0;              ///< only samples of this length; 0: all
  LayoutOptions layout;
};

struct ComputeOptions {
  BackendRequest backend;
  unsigned threads = 0;         ///< 0: as many as this process may use
  std::string max_memory_text;  ///< "8G"; empty: half of the machine's memory
};

struct OutputOptions {
  std::string folder;  ///< empty: <dump>-attnspec
  bool overwrite = false, resume = false;
  std::string figures = "svg,pdf,png";
  bool figures_given = false;
};

struct ReportOptions {
  bool json = false, quiet = false;
  std::string color = "auto", progress = "auto";
};

/// `samples_taken`: what a run without --samples takes.
void add_input_options(CLI::App& verb, InputOptions& options, const std::string& samples_taken = "all");
void add_compute_options(CLI::App& verb, ComputeOptions& options);
void add_output_options(CLI::App& verb, OutputOptions& options);
void add_report_options(CLI::App& verb, ReportOptions& options);
void add_on_bad_option(CLI::App& verb, OnBad& on_bad);

/// Accepts whole numbers in [least, most] and says so of anything else.
CLI::Validator whole_number(std::uint64_t least, std::uint64_t most);

/// The matrices that the options name. Throws Error(usage) for what the dump does not have.
Selection select(const AttentionDump& dump, const InputOptions& options);

/// "0-3,7" as rising indices below `count`. Throws Error(usage) naming `option`.
std::vector<std::size_t> parse_indices(const std::string& text, std::size_t count, const std::string& option);

/// "8G", "500M", "64K" or bytes. Throws Error(usage) naming `option`.
std::uint64_t parse_memory(const std::string& text, const std::string& option = "--max-memory");

/// Formats of --figures; empty for none. Throws Error(usage).
std::vector<std::string> parse_figures(const std::string& text);

/// The number of threads that this process may use.
unsigned usable_threads(const ComputeOptions& options);

/// What --max-memory allows, in bytes.
std::uint64_t usable_memory(const ComputeOptions& options);

}  // namespace attnspec
