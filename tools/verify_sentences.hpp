// What the verdicts on a claim mean, in plain words and with the numbers behind them.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "tools/verify_tally.hpp"

namespace attnspec {

/// Sentences on one claim: what of it holds, what does not, and what is true instead. `rows` are rows_of_claim().
std::vector<std::string> sentences_on(const std::string& claim, const std::vector<const VerifyRow*>& rows,
                                      const JudgedAt& at);

/// The sentence in lines of at most `width` columns, the second and later ones indented; only ASCII is measured right.
std::string wrapped(const std::string& sentence, std::size_t width);

}  // namespace attnspec
