// One run of `spectrum`: dumps in, a folder of results out.
#pragma once

#include <cstddef>

#include "analysis/spectrum_survey.hpp"
#include "analysis/writers/figure1.hpp"
#include "tools/options.hpp"

namespace attnspec {

struct SpectrumOptions {
  InputOptions input;
  ComputeOptions compute;
  OutputOptions output;
  ReportOptions report;
  OnBad on_bad = OnBad::skip;
  std::size_t index = 0;  ///< 0: default_index(n)
  Weight weight = Weight::sigma;
};

/// The exit code.
int run_spectrum(const SpectrumOptions& options);

}  // namespace attnspec
