// verify.csv as text.
#pragma once

#include <string>
#include <vector>

#include "analysis/verify_row.hpp"
#include "lib/core/export.hpp"

namespace attnspec {

/// RFC 4180 with one header line; doubles in the shortest form that reads back the same bits; a field without a meaning
/// for its row is empty. One line a row, in the rows' order.
ATTNSPEC_API std::string verify_csv(const std::vector<DumpVerification>& dumps);

}  // namespace attnspec
