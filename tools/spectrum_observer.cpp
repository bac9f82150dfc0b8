// Keeps what was computed, and says what was found.
#include "tools/spectrum_observer.hpp"

#include <fmt/format.h>

#include <utility>

#include "tools/interrupt.hpp"
#include "tools/spectrum_record.hpp"
#include "tools/terminal.hpp"

namespace attnspec {
namespace {

constexpr std::size_t findings_shown = 10;

}  // namespace

SpectrumObserver::SpectrumObserver(const ReportOptions& report, Journal& journal, SpectrumFile& file)
    : journal_(journal), file_(file), progress_(report.quiet ? "none" : report.progress, "matrix") {}

bool SpectrumObserver::recall(MeasuredSpectrum& measured) {
  const auto record = journal_.recall();
  if (record) measured = unpack_spectrum(*record);
  return record.has_value();
}

void SpectrumObserver::on_spectrum(const MeasuredSpectrum& measured, bool recalled) {
  if (!recalled) journal_.append(pack(measured));
  file_.add(measured.spectrum);
}

void SpectrumObserver::on_finding(const MatrixFinding& finding) {
  progress_.clear();
  const char* what = finding.severity == Severity::refused ? "skipped" : "warning";
  if (++findings_ <= findings_shown) say(fmt::format("attnspec: {}: {}", what, finding.sentence));
  if (findings_ == findings_shown + 1)
    say("attnspec: more of the same follow and are counted in run.json; `attnspec inspect` lists kinds");
}

bool SpectrumObserver::on_progress(std::size_t done, std::size_t total) {
  journal_.flush();
  progress_.update(done, total);
  return interrupted_by() == 0;
}

}  // namespace attnspec
