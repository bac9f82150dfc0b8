// The look.
#include "analysis/inspection.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "analysis/matrix_fingerprint.hpp"
#include "lib/dump/batch_reader.hpp"

namespace attnspec {
namespace {

constexpr std::size_t shown_of_a_kind = 3;

/// What is remembered of a layer to tell it from the others.
struct LayerTrace {
  std::uint64_t fingerprint = 0;  ///< of all its matrices, in order
  std::size_t matrices = 0;
  bool telling = false;  ///< one of them at least is sound, and no uniform attention or identity
};

class Look {
 public:
  Look(const AttentionDump& dump, const Selection& selection) : traces_(dump.info().layers) {
    seen_.info = dump.info();
    seen_.selected = selection.matrices();
    Soundness& range = seen_.range;
    range.least = range.least_row_sum = std::numeric_limits<double>::infinity();
    range.greatest = range.greatest_row_sum = -std::numeric_limits<double>::infinity();
  }

  /// One matrix; with its Q and K where P is to be compared with them.
  void take(const MatrixBatch& batch, std::size_t b, const HeadInputs* inputs) {
    const Soundness& soundness = batch.soundness(b);
    ++seen_.checked;
    if (std::isfinite(soundness.row_error))
      seen_.worst_row_error = std::max(seen_.worst_row_error, soundness.row_error);
    widen(soundness);
    std::optional<MatrixFinding> finding = finding_of(seen_.info, batch.id(b), soundness);
    const bool refused = finding && finding->severity == Severity::refused;
    if (finding) add({name_of(batch.id(b)), std::move(*finding), true, soundness}, 1);
    trace(batch, b, refused);
    if (inputs != nullptr && inputs->query && inputs->key && !refused) compare(*inputs, soundness);
  }

  std::size_t checked() const { return seen_.checked; }

  Inspection result() {
    if (seen_.checked == 0) seen_.range = {};
    find_duplicates();
    note_triangles();
    if (!seen_.info.complete)
      add_of_dump(the_file, "unfinished",
                  "attribute complete is not 1, expected the 1 that a writer sets last: it never came to its end. Dump "
                  "it again, or choose the samples that are whole with --samples.",
                  1);
    return std::move(seen_);
  }

 private:
  void add(DumpFinding found, std::size_t matrices) {
    const MatrixFinding& finding = found.finding;
    (finding.severity == Severity::refused ? seen_.refused : seen_.warnings)[finding.kind] += matrices;
    const auto shown = std::count_if(seen_.findings.begin(), seen_.findings.end(), [&](const DumpFinding& other) {
      return other.finding.kind == finding.kind && other.finding.severity == finding.severity;
    });
    if (static_cast<std::size_t>(shown) < shown_of_a_kind) seen_.findings.push_back(std::move(found));
  }

  void add_of_dump(const std::string& place, const char* kind, const std::string& what, std::size_t matrices) {
    const std::string sentence = fmt::format("{}: {}: {}", seen_.info.file, place, what);
    add({place, {{}, Severity::warning, kind, sentence, what}, false}, matrices);
  }

  void widen(const Soundness& soundness) {
    Soundness& range = seen_.range;
    range.least = std::min(range.least, soundness.least);
    range.greatest = std::max(range.greatest, soundness.greatest);
    range.least_row_sum = std::min(range.least_row_sum, soundness.least_row_sum);
    range.greatest_row_sum = std::max(range.greatest_row_sum, soundness.greatest_row_sum);
    range.zeros += soundness.zeros;
    range.visible += soundness.visible;
    range.not_finite += soundness.not_finite;
  }

  void trace(const MatrixBatch& batch, std::size_t b, bool refused) {
    LayerTrace& trace = traces_[batch.id(b).layer];
    ++trace.matrices;
    trace.fingerprint = fingerprint_of(batch.matrix(b), trace.fingerprint);
    const bool telling = !refused && !is_plain(batch.matrix(b), batch.shape());
    trace.telling = trace.telling || telling;
    if (refused || seen_.info.rules[batch.id(b).layer].mask.kind != AttentionMask::Kind::bidirectional) return;
    triangles_ += telling && batch.soundness(b).lower_triangular;
    full_ += !batch.soundness(b).lower_triangular;
  }

  void compare(const HeadInputs& inputs, const Soundness& soundness) {
    const MatrixId id = inputs.attention.id(0);
    const QueryKeyResidual here = query_key_residual(seen_.info, inputs);
    const double tolerance = query_key_tolerance(seen_.info);
    if (!seen_.qk_residual || !(here.largest <= seen_.qk_residual->residual.largest))
      seen_.qk_residual = {here, id, tolerance};
    if (here.largest <= tolerance) return;
    const std::string what = fmt::format(
        "softmax(scale Q K^T) misses P by {:.2g} at row {}, column {}, expected at most {:.2g} ({}). Check scale, "
        "softcap, mask_kind and bias, and that Q and K were taken after rotary embedding; P is what spectrum takes.",
        here.largest, here.row, here.col, tolerance, seen_.info.dtype);
    const std::string place = name_of(id);
    add({place,
         {id, Severity::warning, "qk_residual",
          fmt::format("{}: {} ({}): {}", seen_.info.file, seen_.info.attention, place, what), what},
         true,
         soundness},
        1);
  }

  /// Each layer that repeats an earlier one, with the first that it repeats.
  void find_duplicates() {
    std::map<std::uint64_t, std::size_t> first;
    for (std::size_t l = 0; l < traces_.size(); ++l) {
      const LayerTrace& trace = traces_[l];
      if (!trace.telling) continue;
      const auto [known, is_new] = first.emplace(trace.fingerprint, l);
      if (is_new) continue;
      add_of_dump(fmt::format("layers {} and {}", known->second, l), "duplicate_layer",
                  fmt::format("bit for bit the same in all {} matrices of each that were checked, expected layers that "
                              "differ. Was the same layer dumped twice? Dump it again.",
                              trace.matrices),
                  trace.matrices);
    }
  }

  void note_triangles() {
    if (triangles_ > 0 && full_ == 0)
      seen_.info.notes.push_back(
          "every matrix is lower triangular: causal attention; the mask is taken for bidirectional, so set the "
          "attribute mask_kind to causal");
  }

  Inspection seen_;
  std::vector<LayerTrace> traces_;
  std::size_t triangles_ = 0, full_ = 0;  ///< under a bidirectional mask: lower triangular matrices, and others
};

using Progress = std::function<bool(std::size_t, std::size_t)>;

void look_at_batches(const AttentionDump& dump, const Selection& selection, const MemoryPlan& plan,
                     const Progress& on_progress, Look& look) {
  BatchReader reader(dump.batches(selection, {plan.batch_bytes, 1, plan.threads, 0, false, false}));
  while (const auto batch = reader.next()) {
    for (std::size_t b = 0; b < batch->size(); ++b) look.take(*batch, b, nullptr);
    if (!on_progress(look.checked(), selection.matrices())) return;
  }
}

/// One by one, each with its Q and K.
void look_at_heads(const AttentionDump& dump, const Selection& selection, const Progress& on_progress, Look& look) {
  HeadReader reader = dump.read_heads();
  for (const std::size_t sample : selection.samples)
    for (const std::size_t layer : selection.layers)
      for (const std::size_t head : selection.heads) {
        const HeadInputs inputs = reader.read({sample, layer, head});
        look.take(inputs.attention, 0, &inputs);
        if (!on_progress(look.checked(), selection.matrices())) return;
      }
}

}  // namespace

Inspection inspect(const AttentionDump& dump, const Selection& selection, const MemoryPlan& plan,
                   const std::function<bool(std::size_t, std::size_t)>& on_progress) {
  Look look(dump, selection);
  const DumpInfo& info = dump.info();
  if (!on_progress(0, selection.matrices())) return look.result();
  if (info.source == MatrixSource::stored && info.has_query_key && info.qk_gives_attention)
    look_at_heads(dump, selection, on_progress, look);
  else
    look_at_batches(dump, selection, plan, on_progress, look);
  return look.result();
}

}  // namespace attnspec
