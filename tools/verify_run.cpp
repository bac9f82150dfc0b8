// The steps of `verify`: open everything, promise the output, say how long, put each dump on trial, write, draw,
// report.
#include "tools/verify_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "analysis/verification.hpp"
#include "analysis/writers/manifest.hpp"
#include "analysis/writers/verify_figures.hpp"
#include "analysis/writers/verify_table.hpp"
#include "lib/core/error.hpp"
#include "tools/commands.hpp"
#include "tools/gnuplot.hpp"
#include "tools/interrupt.hpp"
#include "tools/journal.hpp"
#include "tools/output.hpp"
#include "tools/progress.hpp"
#include "tools/run_facts.hpp"
#include "tools/run_folder.hpp"
#include "tools/terminal.hpp"
#include "tools/verify_record.hpp"
#include "tools/verify_report.hpp"

namespace attnspec {
namespace {

struct OpenDump {
  AttentionDump dump;
  VerifyOptions options;
  VerifyCost cost;
};

class Observer final : public VerifyObserver {
 public:
  Observer(const ReportOptions& report, Journal& journal)
      : journal_(journal), progress_(report.quiet ? "none" : report.progress, "head-trial") {}

  bool recall(VerifiedBatch& batch) override {
    const auto record = journal_.recall();
    if (record) batch = unpack_batch(*record);
    return record.has_value();
  }
  void on_batch(const VerifiedBatch& batch) override {
    journal_.append(pack(batch));
    journal_.flush();
  }

  void on_finding(const MatrixFinding& finding) override {
    progress_.clear();
    say(fmt::format("attnspec: {}: {}", finding.severity == Severity::refused ? "skipped" : "warning",
                    finding.sentence));
  }
  bool on_progress(std::size_t done, std::size_t total) override {
    progress_.update(done, total);
    return interrupted_by() == 0;
  }
  void end_line() { progress_.clear(); }

 private:
  Journal& journal_;
  Progress progress_;
};

std::vector<OpenDump> open_dumps(const VerifyRunOptions& options) {
  std::vector<OpenDump> dumps;
  for (const std::string& file : options.input.dumps) {
    AttentionDump dump(file, options.input.layout);
    VerifyOptions how = parse_verify_words(options.words);
    how.selection = select(dump, options.input);
    if (options.input.samples.empty()) how.selection.samples = {how.selection.samples.front()};
    how.on_bad = options.on_bad;
    how.threads = usable_threads(options.compute);
    how.batch_bytes = usable_memory(options.compute);
    const VerifyCost cost = cost_of(dump.info(), how);
    if (!options.report.quiet)
      for (const std::string& note : dump.info().notes) say(file + ": " + note);
    dumps.push_back({std::move(dump), std::move(how), cost});
  }
  return dumps;
}

std::vector<std::string> figure_names(const VerifyOptions& how) {
  std::vector<std::string> names;
  if (how.claims.contains(Claim::lemma1)) names.emplace_back("verify_lemma1");
  if (how.claims.contains(Claim::theorem1)) names.emplace_back("verify_theorem1");
  if (how.claims.contains(Claim::theorem2)) names.emplace_back("verify_theorem2");
  if (how.claims.contains(Claim::theorem1))
    for (const char* name : {"verify_rms", "verify_needed_k"}) names.emplace_back(name);
  return names;
}

std::vector<std::string> output_names(const OutputOptions& options, const std::vector<std::string>& figures,
                                      const std::vector<std::string>& formats, const std::string& manifest_name) {
  std::vector<std::string> names{"verify.csv", manifest_name};
  if (options.figures == "none") return names;
  for (const std::string& figure : figures) {
    names.push_back(figure + ".gp");
    names.push_back(figure + ".dat");
    for (const std::string& format : formats) names.push_back(figure + "." + format);
  }
  return names;
}

/// Matrix products of one thread, by trying.
double measured_flops_per_second(Backend& backend) {
  constexpr std::size_t side = 384;
  Matrix a(MatrixShape{side, side});
  for (std::size_t i = 0; i < a.values.size(); ++i) a.values[i] = static_cast<double>(i % 7);
  double best = 1;
  for (int round = 0; round < 3; ++round) {
    const auto start = std::chrono::steady_clock::now();
    const Matrix product = backend.product(a, a);
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return 2.0 * side * side * side / best;
}

/// What makes two runs the same, for --resume.
std::string run_key(const VerifyRunOptions& options, const std::string& method) {
  const VerifyWords& words = options.words;
  std::string key = fmt::format(
      "attnspec {}, verify, method {}, claim {}, epsilon {}, k {}, trials {}, seed {}, confidence {}, columns {}, "
      "construction {}, delta {}, {}",
      version, method, words.claim, words.epsilon, words.k, words.trials, words.seed, words.confidence, words.columns,
      words.construction, words.delta, input_key(options.input, options.on_bad));
  return key;
}

int interrupted(OutputFolder& folder, bool quiet) {
  if (!quiet)
    say(
        fmt::format("attnspec: interrupted; nothing was written to {}. The same command with --resume goes on from the "
                    "last batch of heads",
                    folder.folder()));
  return exit_interrupted + interrupted_by();
}

/// How much work, and how long it will take.
void announce(const std::vector<OpenDump>& dumps, const ChosenBackend& chosen, const Journal& journal) {
  if (journal.recalled() > 0)
    say(fmt::format("attnspec: going on after {} of heads of an interrupted run",
                    counted(journal.recalled(), "batch")));
  if (!chosen.choice.empty()) say("attnspec: auto takes " + chosen.choice);
  const double rate = measured_flops_per_second(*chosen.backend);
  for (const OpenDump& open : dumps) {
    const std::size_t heads = open.options.selection.layers.size() * open.options.selection.heads.size();
    const std::size_t samples = open.options.selection.samples.size();
    say(fmt::format("attnspec: {}: {} of {}, {} on {}: about {}", open.dump.info().file, counted(heads, "head"),
                    counted(samples, "sample"), counted(open.options.trials, "trial"),
                    counted(open.options.threads, "thread"),
                    duration_text(std::max(1.0, open.cost.seconds(rate, open.options.threads)))));
  }
}

Manifest manifest_of(const VerifyRunOptions& options, const ChosenBackend& chosen, const std::vector<OpenDump>& dumps,
                     const std::vector<VerificationResult>& results) {
  Manifest manifest = begin_manifest("verify");
  const VerifyOptions& how = dumps.front().options;
  take_backend(manifest, chosen, how.threads);
  const auto or_all = [](const std::string& text) { return text.empty() ? std::string("all") : text; };
  const VerifyWords& words = options.words;
  manifest.options = {{"layers", or_all(options.input.layers)},
                      {"heads", or_all(options.input.heads)},
                      {"samples", options.input.samples.empty() ? "the first" : options.input.samples},
                      {"length", options.input.length == 0 ? "all" : std::to_string(options.input.length)},
                      {"claim", words.claim},
                      {"epsilon", fmt::format("{}", fmt::join(how.epsilons, ","))},
                      {"k", words.k},
                      {"trials", std::to_string(how.trials)},
                      {"seed", std::to_string(how.seed)},
                      {"generator", "Philox4x64-10, numpy.random.Philox(key=seed, counter=trial << 128); Box-Muller"},
                      {"confidence", fmt::format("{}", how.confidence)},
                      {"columns", words.columns},
                      {"construction", words.construction},
                      {"delta", words.delta},
                      {"check", words.check},
                      {"figures", options.output.figures},
                      {"max_memory", std::to_string(usable_memory(options.compute))}};
  for (std::size_t i = 0; i < dumps.size(); ++i) {
    manifest.inputs.push_back(describe_dump(options.input.dumps[i], dumps[i].dump.info(), results[i]));
  }
  take_times(manifest);
  return manifest;
}

Figure figure_of(const std::string& name, const std::vector<DumpVerification>& verifications) {
  if (name == "verify_rms") return verify_rms_figure(verifications);
  if (name == "verify_needed_k") return verify_needed_k_figure(verifications);
  return verify_claim_figure(verifications, name.substr(std::string("verify_").size()));
}

void write_results(OutputFolder& folder, const std::vector<DumpVerification>& verifications,
                   const OutputOptions& options, const std::vector<std::string>& figures,
                   const std::vector<std::string>& formats) {
  folder.write({"verify.csv", verify_csv(verifications)});
  if (options.figures == "none") return;
  for (const std::string& name : figures) {
    const Figure figure = figure_of(name, verifications);
    folder.write(figure.script);
    folder.write(figure.data);
  }
  if (!formats.empty()) draw_figures(folder.workshop(), figures, formats);
}

/// The rows of the readings to check that came out violated, on the paper's own construction.
std::size_t violated(const std::vector<DumpVerification>& verifications, const std::set<std::string>& readings) {
  std::size_t count = 0;
  for (const DumpVerification& verification : verifications)
    for (const VerifyRow& row : verification.rows)
      count +=
          row.construction == "paper" && readings.contains(row.reading) && row.judgement.verdict == Verdict::violated;
  return count;
}

void report(const VerifyRunOptions& options, const std::vector<DumpVerification>& verifications,
            const std::vector<VerificationResult>& results, const std::string& manifest, const OutputFolder& folder,
            const std::vector<std::string>& formats) {
  if (options.report.json) return print(manifest);
  if (options.report.quiet) return;
  const Terminal terminal(options.report.color);
  std::string text;
  for (std::size_t i = 0; i < results.size(); ++i) {
    text += verify_report(verifications[i], terminal) + "\n";
    if (results[i].skipped_total() > 0)
      text += fmt::format("{} of {} skipped; run.json says why\n", results[i].skipped_total(),
                          counted(results[i].matrices, "matrix"));
  }
  if (!formats.empty()) text += fmt::format("figures  {}/verify_*.{}\n", folder.folder(), formats.back());
  text += fmt::format("table    {}/verify.csv\n", folder.folder());
  print(text);
}

}  // namespace

int run_verify(const VerifyRunOptions& options) {
  parse_verify_words(options.words);  // before any file is opened
  const std::set<std::string> check = parse_check(options.words.check);
  const std::string folder_name = folder_of(options.input, options.output);
  const std::vector<std::string> formats = drawable_formats(options.output);
  const std::vector<OpenDump> dumps = open_dumps(options);
  BackendRequest request = options.compute.backend;
  request.threads = dumps.front().options.threads;
  const ChosenBackend chosen = make_backend(request);

  const std::vector<std::string> figures = figure_names(dumps.front().options);
  const std::string manifest_name = manifest_name_in(folder_name, "verify");
  OutputFolder folder(folder_name, output_names(options.output, figures, formats, manifest_name),
                      options.output.overwrite);
  folder.keep_journal(true);
  Journal journal(folder.journal_path(), run_key(options, chosen.method), options.output.resume);
  if (!options.report.quiet) announce(dumps, chosen, journal);
  Observer observer(options.report, journal);
  std::vector<VerificationResult> results;
  for (const OpenDump& open : dumps) {
    results.push_back(verify(open.dump, *chosen.backend, open.options, observer));
    observer.end_line();
    if (!results.back().finished) {
      return interrupted(folder, options.report.quiet);
    }
  }

  Manifest manifest = manifest_of(options, chosen, dumps, results);
  std::vector<DumpVerification> verifications;
  for (VerificationResult& result : results) verifications.push_back(std::move(result.verification));
  write_results(folder, verifications, options.output, figures, formats);
  if (interrupted_by() != 0) return interrupted(folder, options.report.quiet);
  take_times(manifest);
  manifest.outputs = folder.made();
  const std::string manifest_text = manifest_json(manifest);
  folder.write({manifest_name, manifest_text});
  folder.commit();
  report(options, verifications, results, manifest_text, folder, formats);

  if (const std::size_t count = violated(verifications, check); count > 0) {
    say(fmt::format("attnspec: --check {}: violated in {} of verify.csv", options.words.check, counted(count, "row")));
    return exit_check_failed;
  }
  const bool skipped = std::any_of(results.begin(), results.end(), [](const auto& r) { return r.skipped_total() > 0; });
  return skipped ? exit_skipped : exit_done;
}

}  // namespace attnspec
