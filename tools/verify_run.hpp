// One run of `verify`: dumps in, verdicts out.
#pragma once

#include "analysis/spectrum_survey.hpp"
#include "tools/options.hpp"
#include "tools/verify_arguments.hpp"

namespace attnspec {

struct VerifyRunOptions {
  InputOptions input;
  ComputeOptions compute;
  OutputOptions output;
  ReportOptions report;
  VerifyWords words;
  OnBad on_bad = OnBad::skip;
};

/// The exit code.
int run_verify(const VerifyRunOptions& options);

}  // namespace attnspec
