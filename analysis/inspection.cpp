// The look.
#include "analysis/inspection.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace attnspec {
namespace {

constexpr std::size_t shown_of_a_kind = 3;

void take(Inspection& seen, const MatrixBatch& batch, std::size_t b) {
  const Soundness& soundness = batch.soundness(b);
  if (std::isfinite(soundness.row_error)) seen.worst_row_error = std::max(seen.worst_row_error, soundness.row_error);
  auto finding = finding_of(seen.info, batch.id(b), soundness);
  if (!finding) return;
  const std::size_t count = ++(finding->severity == Severity::refused ? seen.refused : seen.warnings)[finding->kind];
  if (count <= shown_of_a_kind) seen.findings.push_back(std::move(*finding));
}

}  // namespace

Inspection inspect(const AttentionDump& dump, const Selection& selection, std::size_t batch_bytes,
                   const std::function<bool(std::size_t, std::size_t)>& on_progress) {
  Inspection seen;
  seen.info = dump.info();
  seen.selected = selection.matrices();
  BatchReader reader = dump.read(selection, batch_bytes);
  bool go_on = on_progress(0, seen.selected);
  while (go_on) {
    const auto batch = reader.next();
    if (!batch) break;
    for (std::size_t b = 0; b < batch->size(); ++b) take(seen, *batch, b);
    seen.checked += batch->size();
    go_on = on_progress(seen.checked, seen.selected);
  }
  return seen;
}

}  // namespace attnspec
