// The steps of `spectrum`: open everything, promise the output, survey each dump, write, draw, report.
#include "tools/spectrum_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "analysis/memory_plan.hpp"
#include "analysis/writers/manifest.hpp"
#include "analysis/writers/spectrum_table.hpp"
#include "lib/core/error.hpp"
#include "lib/dump/spectrum_file.hpp"
#include "tools/commands.hpp"
#include "tools/gnuplot.hpp"
#include "tools/interrupt.hpp"
#include "tools/journal.hpp"
#include "tools/output.hpp"
#include "tools/run_facts.hpp"
#include "tools/run_folder.hpp"
#include "tools/spectrum_observer.hpp"
#include "tools/spectrum_report.hpp"
#include "tools/terminal.hpp"

namespace attnspec {
namespace {

struct OpenDump {
  AttentionDump dump;
  Selection selection;
  MemoryPlan plan;
};

std::vector<OpenDump> open_dumps(const SpectrumOptions& options) {
  std::vector<OpenDump> dumps;
  for (const std::string& file : options.input.dumps) {
    AttentionDump dump(file, options.input.layout);
    Selection selection = select(dump, options.input);
    if (!options.report.quiet)
      for (const std::string& note : dump.info().notes) say(file + ": " + note);
    dumps.push_back({std::move(dump), std::move(selection), {}});
  }
  return dumps;
}

/// Whether every dump was stored in half precision or less.
bool half_precision(const std::vector<OpenDump>& dumps) {
  return std::all_of(dumps.begin(), dumps.end(), [](const OpenDump& open) {
    const StoredType type = open.dump.info().encoding.type;
    return type == StoredType::float16 || type == StoredType::bfloat16 || type == StoredType::uint8;
  });
}

/// What to compute with; the dumps' memory plans follow from it.
BackendRequest plan(const SpectrumOptions& options, std::vector<OpenDump>& dumps) {
  BackendRequest request = options.compute.backend;
  request.threads = usable_threads(options.compute);
  request.half_precision = half_precision(dumps);
  const Feeding feeding = feeding_of(request, request.threads);
  for (OpenDump& open : dumps) {
    open.plan = plan_memory(open.dump.info(), open.selection, usable_threads(options.compute),
                            usable_memory(options.compute), feeding.batch, feeding.callers);
    request.threads = std::min(request.threads, open.plan.threads);
  }
  return request;
}

const std::vector<std::string> figure_names{"figure1_layers", "figure1_heatmap"};

std::vector<std::string> output_names(const OutputOptions& options, const std::vector<std::string>& formats,
                                      const std::string& manifest_name) {
  std::vector<std::string> names{"spectrum.csv", "summary.csv", "spectrum.h5", manifest_name};
  if (options.figures == "none") return names;
  for (const std::string& figure : figure_names) {
    names.push_back(figure + ".gp");
    names.push_back(figure + ".dat");
    for (const std::string& format : formats) names.push_back(figure + "." + format);
  }
  return names;
}

/// What makes two runs the same, for --resume.
std::string run_key(const SpectrumOptions& options, const std::string& method) {
  return fmt::format("attnspec {}, method {}, {}", version, method, input_key(options.input, options.on_bad));
}

Manifest manifest_of(const SpectrumOptions& options, const ChosenBackend& chosen, unsigned threads,
                     const std::vector<OpenDump>& dumps, const std::vector<SurveyResult>& results) {
  Manifest manifest = begin_manifest("spectrum");
  take_backend(manifest, chosen, threads);
  const auto or_all = [](const std::string& text) { return text.empty() ? std::string("all") : text; };
  manifest.options = {{"layers", or_all(options.input.layers)},
                      {"heads", or_all(options.input.heads)},
                      {"samples", or_all(options.input.samples)},
                      {"length", options.input.length == 0 ? "all" : std::to_string(options.input.length)},
                      {"index", options.index == 0 ? "128, or n/4 where n < 512" : std::to_string(options.index)},
                      {"weight", options.weight == Weight::sigma ? "sigma" : "energy"},
                      {"on_bad", options.on_bad == OnBad::error  ? "error"
                                 : options.on_bad == OnBad::skip ? "skip"
                                                                 : "warn"},
                      {"figures", options.output.figures},
                      {"max_memory", std::to_string(usable_memory(options.compute))},
                      {"batch_bytes", std::to_string(dumps.front().plan.batch_bytes)},
                      {"resume", options.output.resume ? "yes" : "no"}};
  for (std::size_t i = 0; i < dumps.size(); ++i) {
    manifest.seconds_waiting += results[i].seconds_waiting;
    manifest.inputs.push_back(describe_dump(options.input.dumps[i], dumps[i].dump.info(), results[i]));
  }
  take_times(manifest);
  return manifest;
}

void write_figures(OutputFolder& folder, const std::vector<DumpSummary>& summaries, Weight weight,
                   const std::vector<std::string>& formats) {
  for (const Figure& figure : {figure1_layers(summaries, weight), figure1_heatmap(summaries, weight)}) {
    folder.write(figure.script);
    folder.write(figure.data);
  }
  if (!formats.empty()) draw_figures(folder.workshop(), figure_names, formats);
}

int interrupted(OutputFolder& folder, const std::vector<SurveyResult>& results, bool quiet) {
  folder.keep_journal(true);
  std::size_t done = 0;
  for (const SurveyResult& result : results) done += result.done + result.skipped_total();
  if (!quiet)
    say(fmt::format(
        "attnspec: interrupted after {}; nothing was written to {}. The same command with --resume goes on from here",
        counted(done, "matrix"), folder.folder()));
  return exit_interrupted + interrupted_by();
}

/// Where a matrix needed another method than the rest.
std::string methods_text(const SurveyResult& result) {
  std::string text;
  for (const auto& [method, count] : result.methods)
    text += fmt::format("{}{} by {}", text.empty() ? "" : ", ", count, method);
  return fmt::format("of {}: {}", counted(result.done, "matrix"), text);
}

void report(const SpectrumOptions& options, const std::vector<SurveyResult>& results, const std::string& manifest,
            const OutputFolder& folder, const std::vector<std::string>& formats) {
  if (options.report.json) return print(manifest);
  if (options.report.quiet) return;
  const Terminal terminal(options.report.color);
  std::string text;
  for (const SurveyResult& result : results) {
    text += spectrum_report(result.summary, options.weight, terminal) + "\n";
    if (result.methods.size() > 1) text += methods_text(result) + "\n";
    if (result.skipped_total() > 0)
      text += fmt::format("{} of {} skipped; run.json says why\n", result.skipped_total(),
                          counted(result.matrices, "matrix"));
  }
  if (!formats.empty())
    text += fmt::format("figures  {0}/figure1_layers.{1}\n         {0}/figure1_heatmap.{1}\n", folder.folder(),
                        formats.back());
  text += fmt::format("tables   {0}/summary.csv, spectrum.csv, spectrum.h5\n", folder.folder());
  print(text);
}

void announce(const ChosenBackend& chosen, const Journal& journal) {
  if (journal.recalled() > 0)
    say(fmt::format("attnspec: going on after {} of an interrupted run", counted(journal.recalled(), "matrix")));
  if (!chosen.choice.empty()) say("attnspec: auto takes " + chosen.choice);
}

std::vector<SurveyResult> survey_dumps(const std::vector<OpenDump>& dumps, Backend& backend, const Feeding& feeding,
                                       const SpectrumOptions& options, SpectrumFile& spectra,
                                       SpectrumObserver& observer) {
  std::vector<SurveyResult> results;
  for (const OpenDump& open : dumps) {
    const std::string group = dumps.size() == 1 ? "" : "/dump" + std::to_string(results.size());
    spectra.begin_dump(group, open.dump.info(), open.selection);
    const unsigned callers = std::min(feeding.callers, open.plan.threads + 1);
    const SurveyOptions how{open.selection,
                            open.plan.batch_bytes,
                            options.index,
                            options.on_bad,
                            callers,
                            feeding.spare,
                            std::max(1U, open.plan.threads / callers)};
    results.push_back(survey(open.dump, backend, how, observer));
    observer.end_line();
    if (!results.back().finished) break;
  }
  return results;
}

/// Everything but spectrum.h5 and run.json.
void write_results(OutputFolder& folder, const std::vector<SurveyResult>& results, const SpectrumOptions& options,
                   const std::vector<std::string>& formats, unsigned threads) {
  std::vector<DumpSummary> summaries;
  for (const SurveyResult& result : results) summaries.push_back(result.summary);
  folder.write({"spectrum.csv", spectrum_csv(summaries, threads)});
  folder.write({"summary.csv", summary_csv(summaries)});
  if (options.output.figures != "none") write_figures(folder, summaries, options.weight, formats);
}

}  // namespace

int run_spectrum(const SpectrumOptions& options) {
  const std::string folder_name = folder_of(options.input, options.output);
  const std::vector<std::string> formats = drawable_formats(options.output);
  std::vector<OpenDump> dumps = open_dumps(options);
  const BackendRequest request = plan(options, dumps);
  const ChosenBackend chosen = make_backend(request);

  const std::string manifest_name = manifest_name_in(folder_name, "spectrum");
  OutputFolder folder(folder_name, output_names(options.output, formats, manifest_name), options.output.overwrite);
  folder.keep_journal(true);
  Journal journal(folder.journal_path(), run_key(options, chosen.method), options.output.resume);
  if (!options.report.quiet) announce(chosen, journal);
  SpectrumFile spectra(folder.path_of("spectrum.h5"));
  SpectrumObserver observer(options.report, journal, spectra);
  const std::vector<SurveyResult> results =
      survey_dumps(dumps, *chosen.backend, feeding_of(request, request.threads), options, spectra, observer);
  if (interrupted_by() != 0) return interrupted(folder, results, options.report.quiet);

  Manifest manifest = manifest_of(options, chosen, request.threads, dumps, results);
  spectra.finish(manifest_json(manifest));
  write_results(folder, results, options, formats, request.threads);
  if (interrupted_by() != 0) return interrupted(folder, results, options.report.quiet);
  take_times(manifest);
  manifest.outputs = folder.made();
  const std::string manifest_text = manifest_json(manifest);
  folder.write({manifest_name, manifest_text});
  folder.commit();
  report(options, results, manifest_text, folder, formats);
  const bool skipped = std::any_of(results.begin(), results.end(), [](const auto& r) { return r.skipped_total() > 0; });
  return skipped ? exit_skipped : exit_done;
}

}  // namespace attnspec
