// attnspec spectrum: how low-rank is each head? Figure 1 of Linformer.
#include <fmt/format.h>

#include <memory>

#include "lib/core/error.hpp"
#include "tools/commands.hpp"
#include "tools/interrupt.hpp"
#include "tools/spectrum_run.hpp"

namespace attnspec {

void add_spectrum_command(CLI::App& app, int& exit_code) {
  CLI::App& verb = *app.add_subcommand(
      "spectrum",
      "How low-rank is each head? Normalised cumulative singular values (Linformer, Figure 1).\n\n"
      "Examples:\n"
      "  attnspec spectrum dump.h5                          results in dump-attnspec/\n"
      "  attnspec spectrum dump.h5 -o out --layers 0-3 --samples 0-99\n"
      "  attnspec spectrum base.h5 large.h5 -o both         two panels in one figure\n"
      "  attnspec spectrum dump.h5 --method direct --figures pdf\n\n"
      "Writes spectrum.csv, summary.csv, spectrum.h5, figure1_layers.*, figure1_heatmap.*, run.json.\n");
  auto options = std::make_shared<SpectrumOptions>();
  add_input_options(verb, options->input);
  add_on_bad_option(verb, options->on_bad);
  add_compute_options(verb, options->compute);
  verb.add_option("--index", options->index,
                  "where the heatmap and the summary read a curve (default: 128, or n/4 where n < 512)")
      ->check(whole_number(1, 65536))
      ->type_name("J")
      ->group("What to compute");
  verb.add_option_function<std::string>(
          "--weight",
          [options](const std::string& word) { options->weight = word == "energy" ? Weight::energy : Weight::sigma; },
          "what figures and the report show: sigma, or energy (sigma squared); files hold both")
      ->check(CLI::IsMember({"sigma", "energy"}))
      ->type_name("WHAT")
      ->group("What to compute");
  add_output_options(verb, options->output);
  add_report_options(verb, options->report);
  verb.callback([options, &exit_code] { exit_code = run_spectrum(*options); });
}

}  // namespace attnspec
