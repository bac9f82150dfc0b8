// Verifications made up for tests of tables and figures.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "analysis/verify_row.hpp"
#include "analysis/writers/verify_figures.hpp"

namespace attnspec::test {

VerifyRow row_of(const std::string& claim, const std::string& reading, MatrixId id, double epsilon, std::size_t k,
                 double rate);

DumpVerification dump_of(const std::vector<VerifyRow>& rows);

/// Every claim and reading on a few heads, as verify gives them.
DumpVerification full_dump(const std::string& model, std::size_t layers, std::size_t heads, std::size_t n);

/// Nothing of Theorem 2 can be said on this dump.
DumpVerification not_applicable();

std::vector<Figure> every_figure(const std::vector<DumpVerification>& dumps);

}  // namespace attnspec::test
