// What happens to each spectrum while a dump is surveyed: journal, spectrum.h5, progress, findings.
#pragma once

#include <cstddef>

#include "analysis/spectrum_survey.hpp"
#include "lib/dump/spectrum_file.hpp"
#include "tools/journal.hpp"
#include "tools/options.hpp"
#include "tools/progress.hpp"

namespace attnspec {

class SpectrumObserver final : public SurveyObserver {
 public:
  SpectrumObserver(const ReportOptions& report, Journal& journal, SpectrumFile& file);

  bool recall(MeasuredSpectrum& measured) override;
  void on_spectrum(const MeasuredSpectrum& measured, bool recalled) override;
  void on_finding(const MatrixFinding& finding) override;
  /// False once a signal has come.
  bool on_progress(std::size_t done, std::size_t total) override;
  /// Takes the progress line away.
  void end_line() { progress_.clear(); }

 private:
  Journal& journal_;
  SpectrumFile& file_;
  Progress progress_;
  std::size_t findings_ = 0;
};

}  // namespace attnspec
