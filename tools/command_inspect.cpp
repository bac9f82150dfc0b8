// attnspec inspect: what is in this dump, and is it sound?
#include <memory>

#include "analysis/inspection.hpp"
#include "analysis/memory_plan.hpp"
#include "analysis/writers/inspection_report.hpp"
#include "lib/dump/attention_dump.hpp"
#include "tools/commands.hpp"
#include "tools/interrupt.hpp"
#include "tools/options.hpp"
#include "tools/output.hpp"
#include "tools/progress.hpp"
#include "tools/run_facts.hpp"
#include "tools/terminal.hpp"

namespace attnspec {
namespace {

struct InspectOptions {
  InputOptions input;
  ReportOptions report;
  ComputeOptions compute;
  bool quick = false;
};

/// Of many samples the first and the last.
Selection look_at(const AttentionDump& dump, const InspectOptions& options) {
  Selection selection = select(dump, options.input);
  if (options.quick && selection.samples.size() > 2)
    selection.samples = {selection.samples.front(), selection.samples.back()};
  return selection;
}

int run_inspect(const InspectOptions& options) {
  int exit_code = exit_done;
  std::string documents;
  for (const std::string& file : options.input.dumps) {
    const AttentionDump dump(file, options.input.layout);
    const Selection selection = look_at(dump, options);
    const MemoryPlan plan =
        plan_memory(dump.info(), selection, usable_threads(options.compute), usable_memory(options.compute));
    Progress progress(options.report.quiet ? "none" : options.report.progress, "matrix");
    const Inspection seen = inspect(dump, selection, plan, [&](std::size_t done, std::size_t total) {
      progress.update(done, total);
      return interrupted_by() == 0;
    });
    progress.clear();
    if (interrupted_by() != 0) return exit_interrupted + interrupted_by();
    const auto bytes = describe_file(file).bytes;
    if (options.report.json)
      documents += (documents.empty() ? "" : ",\n") + inspection_json(seen, bytes);
    else
      print(inspection_text(seen, bytes));
    if (!seen.sound()) exit_code = exit_skipped;
    if (seen.sound() && !options.report.json && !options.report.quiet) say("next       attnspec spectrum " + file);
  }
  if (options.report.json) print(options.input.dumps.size() == 1 ? documents : "[\n" + documents + "]\n");
  return exit_code;
}

}  // namespace

void add_inspect_command(CLI::App& app, int& exit_code) {
  CLI::App& verb =
      *app.add_subcommand("inspect",
                          "What is in this dump, and is it sound?\n\n"
                          "Examples:\n"
                          "  attnspec inspect dump.h5\n"
                          "  attnspec inspect dump.h5 --quick --json           (of several dumps: an array)\n"
                          "  attnspec inspect foreign.h5 --dataset attn --axes LSHQK\n\n"
                          "Ends with 5 where a matrix is no attention.\n");
  auto options = std::make_shared<InspectOptions>();
  add_input_options(verb, options->input);
  verb.add_flag("--quick", options->quick, "check the first and the last sample only")->group("What to read");
  verb.add_option("--threads", options->compute.threads, "worker threads (default: all that this process may use)")
      ->check(whole_number(1, 4096))
      ->type_name("N")
      ->group("How to compute");
  verb.add_option("--max-memory", options->compute.max_memory_text, "such as 8G (default: half of the machine's)")
      ->type_name("SIZE")
      ->group("How to compute");
  add_report_options(verb, options->report);
  verb.callback([options, &exit_code] { exit_code = run_inspect(*options); });
}

}  // namespace attnspec
