// How --help reads: examples first, one line a verb.
#pragma once

#include <CLI/CLI.hpp>

#include <string>

namespace attnspec {

class HelpText final : public CLI::Formatter {
 public:
  HelpText() { column_width(28); }

  /// In the list of verbs, only the question that each answers.
  std::string make_subcommand(const CLI::App* verb) const override;
  /// "Usage: attnspec spectrum [OPTIONS] DUMP..."
  std::string make_usage(const CLI::App* app, std::string name) const override;
};

}  // namespace attnspec
