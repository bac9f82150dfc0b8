// CLI11's help, shortened.
#include "tools/help.hpp"

#include <fmt/format.h>

namespace attnspec {

std::string HelpText::make_subcommand(const CLI::App* verb) const {
  const std::string description = verb->get_description();
  return fmt::format("  {:<26}{}\n", verb->get_name(), description.substr(0, description.find('\n')));
}

std::string HelpText::make_usage(const CLI::App* app, std::string name) const {
  if (app->get_parent() == nullptr) return "Usage: " + name + " VERB [OPTIONS]\n";
  std::string usage = "Usage: attnspec " + name + " [OPTIONS]";
  for (const CLI::Option* option : app->get_options())
    if (option->get_positional())
      usage += " " + option->get_name(true) + (option->get_items_expected_max() > 1 ? "..." : "");
  return usage + "\n";
}

}  // namespace attnspec
