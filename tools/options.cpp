// Shared options.
#include "tools/options.hpp"

#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <set>
#include <sstream>

#include "lib/core/error.hpp"

namespace attnspec {
namespace {

constexpr std::uint64_t most_number = std::uint64_t{1} << 31;

[[noreturn]] void refuse(const std::string& message) { throw Error(ErrorKind::usage, message); }

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, at);) parts.push_back(part);
  return parts;
}

bool parse_number(std::string_view text, std::uint64_t& value) {
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  return failure == std::errc() && end == text.data() + text.size() && !text.empty();
}

/// What a container may use, where it says so.
std::uint64_t cgroup_memory() {
  std::ifstream in("/sys/fs/cgroup/memory.max");
  std::uint64_t bytes = 0;
  return in >> bytes ? bytes : UINT64_MAX;
}

}  // namespace

void add_input_options(CLI::App& verb, InputOptions& options, const std::string& samples_taken) {
  verb.add_option("DUMP", options.dumps, "HDF5 files with attention matrices")->required();
  const char* group = "What to read";
  verb.add_option("--layers", options.layers, "layers, such as 0-3,7 (default: all)")->type_name("LIST")->group(group);
  verb.add_option("--heads", options.heads, "heads, such as 0-3,7 (default: all)")->type_name("LIST")->group(group);
  verb.add_option("--samples", options.samples, "samples, such as 0-99 (default: " + samples_taken + ")")
      ->type_name("LIST")
      ->group(group);
  verb.add_option("--length", options.length, "only samples of this length")
      ->check(whole_number(1, most_number))
      ->type_name("N")
      ->group(group);
  verb.add_option("--dataset", options.layout.dataset,
                  "the dataset that holds attention, or a pattern of several: 'layer_{L}/head_{H}'")
      ->type_name("PATH")
      ->group(group);
  verb.add_option("--axes", options.layout.axes,
                  "its axes: S sample, L layer, H head, Q query, K key; for example LSHQK; KQ where keys are rows")
      ->type_name("LETTERS")
      ->group(group);
  verb.add_option("--mask", options.layout.mask, "which keys a query sees: bidirectional, causal, sliding:W or cross")
      ->type_name("MASK")
      ->group(group);
  verb.add_option("--stage", options.layout.stage, "what is stored: probs, or logits (a softmax is applied)")
      ->check(CLI::IsMember({"probs", "logits"}))
      ->type_name("STAGE")
      ->group(group);
}

void add_on_bad_option(CLI::App& verb, OnBad& on_bad) {
  static const std::map<std::string, OnBad> names{
      {"error", OnBad::error}, {"skip", OnBad::skip}, {"warn", OnBad::warn}};
  verb.add_option_function<std::string>(
          "--on-bad", [&on_bad](const std::string& word) { on_bad = names.at(word); },
          "a matrix that is no attention: stop (error), leave it out (skip, the default), or compute it (warn)")
      ->check(CLI::IsMember({"error", "skip", "warn"}))
      ->type_name("WHAT")
      ->group("What to read");
}

void add_compute_options(CLI::App& verb, ComputeOptions& options) {
  const char* group = "How to compute";
  verb.add_option("--device", options.backend.device, "auto, cpu or cuda (default: auto)")
      ->type_name("DEVICE")
      ->group(group);
  verb.add_option("--method", options.backend.method, "auto, or one that `attnspec backends` lists (default: auto)")
      ->type_name("NAME")
      ->group(group);
  verb.add_option("--threads", options.threads, "worker threads (default: all that this process may use)")
      ->check(whole_number(1, 4096))
      ->type_name("N")
      ->group(group);
  verb.add_option("--max-memory", options.max_memory_text, "such as 8G (default: half of the machine's)")
      ->type_name("SIZE")
      ->group(group);
  verb.add_option_function<std::string>(
          "--max-memory-device",
          [&options](const std::string& text) {
            options.backend.device_bytes = parse_memory(text, "--max-memory-device");
          },
          "of the GPU (default: four fifths of what is free there)")
      ->type_name("SIZE")
      ->group(group);
}

void add_output_options(CLI::App& verb, OutputOptions& options) {
  const char* group = "What to write";
  verb.add_option("-o,--output", options.folder, "folder for the results (default: <dump>-attnspec)")
      ->type_name("DIR")
      ->group(group);
  verb.add_flag("--overwrite", options.overwrite, "replace results that are there already")->group(group);
  verb.add_flag("--resume", options.resume, "go on where an interrupted run of the same command stopped")->group(group);
  verb.add_option_function<std::string>(
          "--figures",
          [&options](const std::string& text) {
            options.figures = text;
            options.figures_given = true;
          },
          "formats of the figures: svg,pdf,png or some of them, or none")
      ->type_name("FORMATS")
      ->group(group);
}

void add_report_options(CLI::App& verb, ReportOptions& options) {
  const char* group = "What to say";
  verb.add_flag("--json", options.json, "the result as JSON on stdout")->group(group);
  verb.add_flag("--quiet", options.quiet, "only errors and results")->group(group);
  verb.add_option("--color", options.color, "auto, always or never (NO_COLOR is obeyed)")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->type_name("WHEN")
      ->group(group);
  verb.add_option("--progress", options.progress, "auto, plain (lines) or none")
      ->check(CLI::IsMember({"auto", "plain", "none"}))
      ->type_name("HOW")
      ->group(group);
}

CLI::Validator whole_number(std::uint64_t least, std::uint64_t most) {
  const auto check = [least, most](std::string& text) {
    std::uint64_t value = 0;
    if (parse_number(text, value) && value >= least && value <= most) return std::string();
    return fmt::format("\"{}\" is no whole number from {} to {}", text, least, most);
  };
  return {check, ""};
}

std::vector<std::size_t> parse_indices(const std::string& text, std::size_t count, const std::string& option) {
  std::set<std::size_t> indices;
  if (text.empty())
    for (std::size_t i = 0; i < count; ++i) indices.insert(i);
  for (const std::string& part : split(text, ',')) {
    const std::size_t dash = part.find('-');
    std::uint64_t first = 0, last = 0;
    const bool good = parse_number(part.substr(0, dash), first) &&
                      (dash == std::string::npos ? (last = first, true) : parse_number(part.substr(dash + 1), last));
    if (!good || last < first)
      refuse(fmt::format("{} {}: \"{}\" is no index and no range; expected a list such as 0-3,7", option, text, part));
    if (last >= count)
      refuse(fmt::format("{} {}: {} does not exist; the dump has {} (0 to {})", option, text, last, count,
                         count == 0 ? 0 : count - 1));
    for (std::uint64_t i = first; i <= last; ++i) indices.insert(i);
  }
  return {indices.begin(), indices.end()};
}

Selection select(const AttentionDump& dump, const InputOptions& options) {
  const DumpInfo& info = dump.info();
  Selection selection{parse_indices(options.samples, info.samples, "--samples"),
                      parse_indices(options.layers, info.layers, "--layers"),
                      parse_indices(options.heads, info.heads, "--heads")};
  if (options.length != 0) {
    std::erase_if(selection.samples, [&](std::size_t s) { return info.shape_of(s).smaller_side() != options.length; });
    if (selection.samples.empty()) {
      const std::set<std::size_t> lengths(info.query_lengths.begin(), info.query_lengths.end());
      refuse(fmt::format("--length {}: no sample has it; lengths run from {} to {}", options.length, *lengths.begin(),
                         *lengths.rbegin()));
    }
  }
  return selection;
}

std::uint64_t parse_memory(const std::string& text, const std::string& option) {
  const std::string units = "KMGT";
  std::string digits = text;
  if (digits.ends_with("iB"))
    digits.resize(digits.size() - 2);
  else if (digits.ends_with('B'))
    digits.pop_back();
  unsigned shift = 0;
  if (!digits.empty() && units.find(static_cast<char>(std::toupper(digits.back()))) != std::string::npos) {
    shift = 10 * (static_cast<unsigned>(units.find(static_cast<char>(std::toupper(digits.back())))) + 1);
    digits.pop_back();
  }
  std::uint64_t value = 0;
  if (!parse_number(digits, value) || value == 0 || value > (UINT64_MAX >> shift))
    refuse(fmt::format("{} {}: expected a size such as 8G, 500M or a number of bytes", option, text));
  return value << shift;
}

std::vector<std::string> parse_figures(const std::string& text) {
  if (text == "none") return {};
  std::vector<std::string> formats;
  if (text.empty()) refuse("--figures is empty; expected svg, pdf, png, separated by commas, or none");
  for (const std::string& format : split(text, ',')) {
    if (format != "svg" && format != "pdf" && format != "png")
      refuse(fmt::format("--figures {}: \"{}\" is no format; expected svg, pdf, png, separated by commas, or none",
                         text, format));
    if (std::find(formats.begin(), formats.end(), format) == formats.end()) formats.push_back(format);
  }
  return formats;
}

unsigned usable_threads(const ComputeOptions& options) {
  if (options.threads > 0) return options.threads;
  cpu_set_t set;
  CPU_ZERO(&set);
  const int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
  return static_cast<unsigned>(std::max(1, count));
}

std::uint64_t usable_memory(const ComputeOptions& options) {
  if (!options.max_memory_text.empty()) return parse_memory(options.max_memory_text);
  const auto machine =
      static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(sysconf(_SC_PAGE_SIZE));
  return std::min(machine, cgroup_memory()) / 2;
}

}  // namespace attnspec
