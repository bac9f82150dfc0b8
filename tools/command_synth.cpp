// attnspec synth: a dump whose spectrum is known.
#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <memory>

#include "lib/core/error.hpp"
#include "lib/dump/dump_writer.hpp"
#include "lib/dump/synthetic.hpp"
#include "tools/commands.hpp"
#include "tools/interrupt.hpp"
#include "tools/options.hpp"
#include "tools/progress.hpp"
#include "tools/terminal.hpp"

namespace attnspec {
namespace {

struct SynthOptions {
  SyntheticOptions matrices;
  DumpHeader header;
  std::string output, dtype = "f16";
  bool overwrite = false, as_attention = false;
  ReportOptions report;
};

DumpHeader header_of(const SynthOptions& options) {
  static const std::map<std::string, StoredType> types{
      {"f16", StoredType::float16}, {"f32", StoredType::float32}, {"f64", StoredType::float64}};
  DumpHeader header = options.header;
  header.type = types.at(options.dtype);
  header.n = options.matrices.n;
  header.model = "synthetic " + options.matrices.kind;
  if (options.matrices.kind == "causal" || options.matrices.causal) header.rule.mask.kind = AttentionMask::Kind::causal;
  if (is_query_key(options.matrices)) {
    header.rule.scale = 1 / std::sqrt(static_cast<double>(options.matrices.head_dim));
    if (!options.as_attention) header.head_dim = options.matrices.head_dim;
  }
  return header;
}

void write_head(DumpWriter& writer, const SynthOptions& options, const DumpHeader& header, const MatrixId& id) {
  const SyntheticOptions& matrices = options.matrices;
  if (!is_query_key(matrices)) return writer.write_attention(id, synthetic_attention(matrices, id));
  const QueryKey made = synthetic_query_key(matrices, id);
  if (!options.as_attention) return writer.write_query_key(id, made.query, made.key);
  std::vector<double> attention(matrices.n * matrices.n);
  attention_from_query_key(made.query, made.key, {}, {matrices.n, matrices.n}, header.rule, 0, attention);
  writer.write_attention(id, attention);
}

int run_synth(const SynthOptions& options) {
  if (std::filesystem::exists(options.output) && !options.overwrite)
    throw Error(ErrorKind::output, options.output + " exists already; give another name with -o, or --overwrite");
  if (!is_query_key(options.matrices)) synthetic_attention(options.matrices, {});  // refuses before a file is made
  const DumpHeader header = header_of(options);
  DumpWriter writer(options.output, header);
  Progress progress(options.report.quiet ? "none" : options.report.progress, "matrix");
  const std::size_t total = header.samples * header.layers * header.heads;
  for (std::size_t i = 0; i < total; ++i) {
    if (interrupted_by() != 0) return exit_interrupted + interrupted_by();
    progress.update(i, total);
    write_head(writer, options, header,
               {i / header.heads / header.layers, i / header.heads % header.layers, i % header.heads});
  }
  progress.clear();
  writer.finish();
  if (!options.report.quiet)
    say(fmt::format("{}: {} of n = {} ({}), {}", options.output, counted(total, "matrix"), header.n, header.model,
                    bytes_text(static_cast<double>(std::filesystem::file_size(options.output)))));
  return exit_done;
}

}  // namespace

void add_synth_command(CLI::App& app, int& exit_code) {
  CLI::App& verb = *app.add_subcommand("synth",
                                       "Make a dump whose spectrum is known.\n\n"
                                       "Examples:\n"
                                       "  attnspec synth random -o random.h5 --n 512 --layers 2 --heads 4\n"
                                       "  attnspec synth identity -o identity.h5 --n 128 --dtype f64\n"
                                       "  attnspec synth spectrum -o chosen.h5 --n 64 --sigma 0.3,0.15,0.05\n");
  auto options = std::make_shared<SynthOptions>();
  verb.add_option("KIND", options->matrices.kind,
                  "identity, uniform, previous, one-hot, blocks, banded, causal, random, spectrum")
      ->required()
      ->check(CLI::IsMember(
          {"identity", "uniform", "previous", "one-hot", "blocks", "banded", "causal", "random", "spectrum"}));
  verb.add_option("-o,--output", options->output, "the dump to write")->required()->type_name("FILE");
  verb.add_flag("--overwrite", options->overwrite, "replace it where it exists");
  verb.add_option("--n", options->matrices.n, "sequence length (default: 512)")
      ->check(whole_number(1, 65536))
      ->type_name("N");
  verb.add_option("--samples", options->header.samples, "(default: 1)")->check(whole_number(1, 65536))->type_name("N");
  verb.add_option("--layers", options->header.layers, "(default: 1)")->check(whole_number(1, 65536))->type_name("N");
  verb.add_option("--heads", options->header.heads, "(default: 1)")->check(whole_number(1, 65536))->type_name("N");
  verb.add_option("--dtype", options->dtype, "f16, f32 or f64 (default: f16)")
      ->check(CLI::IsMember({"f16", "f32", "f64"}))
      ->type_name("TYPE");
  verb.add_flag("--compress", options->header.deflate, "shuffle, deflate and fletcher32");
  verb.add_option("--seed", options->matrices.seed, "(default: 1)")->check(whole_number(0, UINT64_MAX))->type_name("N");
  verb.add_option("--head-dim", options->matrices.head_dim, "random: columns of Q and K (default: 64)")
      ->check(whole_number(1, 65536))
      ->type_name("D");
  verb.add_option("--logit-sd", options->matrices.logit_sd, "random: standard deviation of the logits (default: 1)")
      ->type_name("SD");
  verb.add_flag("--causal", options->matrices.causal, "random: mask the future");
  verb.add_flag("--store-attention", options->as_attention, "random: store P instead of Q and K");
  verb.add_option("--block", options->matrices.block, "blocks: rows of a block (default: 8)")
      ->check(whole_number(1, 65536))
      ->type_name("N");
  verb.add_option("--width", options->matrices.width, "banded: |i - j| <= width around the circle (default: 2)")
      ->check(whole_number(0, 65536))
      ->type_name("N");
  verb.add_option("--sigma", options->matrices.singular_values,
                  "spectrum: the singular values after the first, which is 1")
      ->delimiter(',')
      ->type_name("LIST");
  add_report_options(verb, options->report);
  verb.callback([options, &exit_code] { exit_code = run_synth(*options); });
}

}  // namespace attnspec
