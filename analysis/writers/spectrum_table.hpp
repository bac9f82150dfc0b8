// spectrum.csv and summary.csv as text.
#pragma once

#include <string>
#include <vector>

#include "analysis/spectrum_summary.hpp"
#include "lib/core/export.hpp"

namespace attnspec {

/// RFC 4180 with one header line; doubles in the shortest form that reads back the same bits; a field without a meaning
/// (a standard deviation over one sample) is empty. One row a dump, head, n and index j = 1..n.
ATTNSPEC_API std::string spectrum_csv(const std::vector<DumpSummary>& dumps, unsigned threads = 1);

/// One row a dump, head and n.
ATTNSPEC_API std::string summary_csv(const std::vector<DumpSummary>& dumps);

}  // namespace attnspec
