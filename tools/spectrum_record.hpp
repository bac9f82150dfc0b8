// A measured spectrum as a record of the journal.
#pragma once

#include <string>

#include "analysis/spectrum_survey.hpp"

namespace attnspec {

std::string pack(const MeasuredSpectrum& measured);
MeasuredSpectrum unpack_spectrum(const std::string& bytes);

}  // namespace attnspec
