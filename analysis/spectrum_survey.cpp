// The walk: batch after batch, in order, so that means do not depend on threads or batches.
#include "analysis/spectrum_survey.hpp"

#include <numeric>
#include <utility>

#include "analysis/spectrum_pipeline.hpp"
#include "lib/core/error.hpp"

namespace attnspec {
namespace {

class Walk {
 public:
  Walk(const DumpInfo& info, const SurveyOptions& options, SurveyObserver& observer)
      : info_(info), options_(options), observer_(observer), gatherer_(options.index) {
    result_.matrices = options.selection.matrices();
  }

  /// Spectra of an earlier run, without a look at their matrices.
  std::size_t recall() {
    MeasuredSpectrum known;
    std::size_t recalled = 0;
    for (; recalled < result_.matrices && observer_.recall(known); ++recalled) take(known, true);
    return recalled;
  }

  void batch(const MatrixBatch& batch, std::vector<Spectrum> spectra) {
    for (std::size_t b = 0; b < batch.size(); ++b) {
      const double storage_error = batch.queries_and_keys() ? spectra[b].storage_error : batch.storage_error(b);
      MeasuredSpectrum measured{std::move(spectra[b]), batch.shape(), storage_error, ""};
      judge(batch.soundness(b), measured);
      take(measured, false);
    }
  }

  bool progress() { return observer_.on_progress(done_, result_.matrices); }

  SurveyResult result(double seconds_waiting, bool finished) {
    result_.summary = {info_.file, info_.model, options_.selection.layers.size(), options_.selection.heads.size(),
                       gatherer_.rows()};
    result_.seconds_waiting = seconds_waiting;
    result_.finished = finished;
    return std::move(result_);
  }

 private:
  void judge(const Soundness& seen, MeasuredSpectrum& measured) {
    Spectrum& spectrum = measured.spectrum;
    auto finding = finding_of(info_, spectrum.id, seen);
    if (finding && finding->severity == Severity::refused) {
      if (options_.on_bad == OnBad::error) throw Error(ErrorKind::input, finding->sentence);
      if (options_.on_bad == OnBad::skip && spectrum.status == SvdStatus::ok)
        spectrum = {spectrum.id, SvdStatus::not_attention, {}, 0, spectrum.method};
      if (spectrum.status == SvdStatus::ok) finding->severity = Severity::warning;
    }
    if (!finding && spectrum.status != SvdStatus::ok)
      finding = MatrixFinding{spectrum.id, Severity::refused, std::string(name_of(spectrum.status)),
                              info_.file + ": (" + name_of(spectrum.id) +
                                  "): its singular values did not converge, "
                                  "expected them to; try --method direct"};
    if (!finding) return;
    measured.finding = finding->kind;
    observer_.on_finding(*finding);
  }

  void take(const MeasuredSpectrum& measured, bool recalled) {
    const bool ok = measured.spectrum.status == SvdStatus::ok;
    if (!measured.finding.empty()) ++(ok ? result_.warnings : result_.skipped)[measured.finding];
    gatherer_.add(measured.spectrum, measured.shape, measured.storage_error);
    result_.done += ok;
    if (ok) ++result_.methods[measured.spectrum.method];
    ++done_;
    observer_.on_spectrum(measured, recalled);
  }

  const DumpInfo& info_;
  const SurveyOptions& options_;
  SurveyObserver& observer_;
  SpectrumGatherer gatherer_;
  SurveyResult result_;
  std::size_t done_ = 0;
};

}  // namespace

SurveyObserver::~SurveyObserver() = default;

std::size_t SurveyResult::skipped_total() const {
  return std::accumulate(skipped.begin(), skipped.end(), std::size_t{0},
                         [](std::size_t sum, const auto& kind) { return sum + kind.second; });
}

SurveyResult survey(const AttentionDump& dump, Backend& backend, const SurveyOptions& options,
                    SurveyObserver& observer) {
  Walk walk(dump.info(), options, observer);
  const std::size_t recalled = walk.recall();
  BatchSource source =
      dump.batches(options.selection, {options.batch_bytes, options.callers, options.reading_threads, recalled,
                                       backend.takes_halves(), backend.takes_queries_and_keys(), true});
  bool finished = walk.progress();
  if (finished) {
    SpectrumPipeline pipeline(source, backend, options.callers, options.spare);
    while (finished) {
      auto computed = pipeline.next();
      if (!computed) break;
      walk.batch(computed->batch, std::move(computed->spectra));
      finished = walk.progress();
    }
  }
  return walk.result(source.seconds_waited() / (options.callers - options.spare), finished);
}

}  // namespace attnspec
