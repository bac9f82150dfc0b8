// Edit distance over the names that the command line knows.
#include "tools/spelling.hpp"

#include <algorithm>
#include <numeric>

#include "lib/core/error.hpp"

namespace attnspec {
namespace {

/// Levenshtein (1966).
std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, changed});
    }
  }
  return row.back();
}

std::vector<std::string> names_of(const CLI::App& verb) {
  std::vector<std::string> names;
  for (const CLI::Option* option : verb.get_options())
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

[[noreturn]] void refuse(const std::string& what, const std::string& word, const std::vector<std::string>& known,
                         const std::string& help) {
  const std::string near = nearest(word, known);
  throw Error(ErrorKind::usage, "there is no " + what + " " + word +
                                    (near.empty() ? "" : "; did you mean " + near + "?") + " (" + help + ")");
}

}  // namespace

std::string nearest(const std::string& word, const std::vector<std::string>& known) {
  std::string best;
  std::size_t least = std::max<std::size_t>(2, word.size() / 3) + 1;
  for (const std::string& name : known) {
    const std::size_t distance = edit_distance(word, name);
    if (distance < least) {
      least = distance;
      best = name;
    }
  }
  return best;
}

void check_spelling(const CLI::App& app, const std::vector<std::string>& words) {
  std::vector<std::string> verbs;
  for (const CLI::App* verb : app.get_subcommands({})) verbs.push_back(verb->get_name());
  if (words.empty()) return;
  const bool starts_with_option = words.front().starts_with('-');
  if (!starts_with_option && std::find(verbs.begin(), verbs.end(), words.front()) == verbs.end())
    refuse("verb", words.front(), verbs, "attnspec --help lists the verbs");
  const CLI::App& verb = starts_with_option ? app : *app.get_subcommand(words.front());
  const std::vector<std::string> known = names_of(verb);
  for (const std::string& word : words) {
    if (word == "--") return;
    const std::string name = word.substr(0, word.find('='));
    if (name.starts_with("--") && std::find(known.begin(), known.end(), name) == known.end())
      refuse("option", name, known,
             "attnspec " + (starts_with_option ? "" : words.front() + " ") + "--help lists the options");
  }
}

}  // namespace attnspec
