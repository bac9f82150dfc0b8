// The result of `verify` for a terminal of 80 columns: a line a claim and reading, then what it means in words.
#pragma once

#include <string>

#include "analysis/verify_row.hpp"
#include "tools/terminal.hpp"

namespace attnspec {

std::string verify_report(const DumpVerification& dump, const Terminal& terminal);

}  // namespace attnspec
