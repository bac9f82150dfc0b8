// attnspec verify: do Linformer's Lemma 1 and Theorems 1 and 2 hold on this dump?
#include <memory>

#include "tools/commands.hpp"
#include "tools/verify_run.hpp"

namespace attnspec {

void add_verify_command(CLI::App& app, int& exit_code) {
  CLI::App& verb = *app.add_subcommand(
      "verify",
      "Do Lemma 1 and Theorems 1 and 2 of Linformer hold on this dump? Random projections, exact laws, baselines.\n\n"
      "Examples:\n"
      "  attnspec verify dump.h5                            all claims, one sample, results in dump-attnspec/\n"
      "  attnspec verify dump.h5 --claim theorem1 --epsilon 0.5 --k 64,128,250\n"
      "  attnspec verify dump.h5 --samples 0-9 --trials 200 -o out\n"
      "  attnspec verify dump.h5 --check relative           exit 1 where Theorem 1 as printed fails\n\n"
      "Writes verify.csv, verify_<claim>.*, verify_rms.*, verify_needed_k.*, run.json.\n");
  auto options = std::make_shared<VerifyRunOptions>();
  VerifyWords& words = options->words;
  add_input_options(verb, options->input, "the first");
  add_on_bad_option(verb, options->on_bad);
  const char* trial = "What to put on trial";
  const auto add = [&verb, trial](const char* name, std::string& word, const char* what, const char* type) {
    verb.add_option(name, word, what)->type_name(type)->group(trial);
  };
  add("--claim", words.claim, "lemma1, theorem1, theorem2, or all (default: all)", "LIST");
  add("--epsilon", words.epsilon, "errors that are allowed, between 0 and 1 (default: 0.3,0.5)", "LIST");
  add("--k", words.k, "projected dimensions, or auto: powers of two below n and the paper's own (default: auto)",
      "LIST");
  add("--trials", words.trials, "random projections, each for all heads (default: 1000)", "N");
  add("--seed", words.seed, "names the projections together with the trial's number (default: 0)", "N");
  add("--confidence", words.confidence, "of the Clopper-Pearson intervals (default: 0.95)", "C");
  add("--columns", words.columns, "value, gaussian, ones (default: value, else gaussian,ones)", "LIST");
  add("--construction", words.construction, "of paper,gaussian,zero,mean,svd,pool (default: all)", "LIST");
  add("--delta", words.delta, "of Theorem 2's E = delta R: 2^-n, 1/n or a number (default: 2^-n)", "D");
  add("--check", words.check, "exit 1 where one of these readings comes out violated, such as relative (default: none)",
      "READINGS");
  add_compute_options(verb, options->compute);
  add_output_options(verb, options->output);
  add_report_options(verb, options->report);
  verb.callback([options, &exit_code] { exit_code = run_verify(*options); });
}

}  // namespace attnspec
