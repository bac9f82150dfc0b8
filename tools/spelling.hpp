// A mistyped verb or option gets the nearest right one.
#pragma once

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

namespace attnspec {

/// The nearest of `known` to `word`, or "" where none is near.
std::string nearest(const std::string& word, const std::vector<std::string>& known);

/// Throws Error(usage) for the first verb or long option that the command line does not know.
void check_spelling(const CLI::App& app, const std::vector<std::string>& words);

}  // namespace attnspec
