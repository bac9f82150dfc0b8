// Lists, numbers in a range, names from a list.
#include "tools/verify_arguments.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <sstream>

#include "lib/core/error.hpp"

namespace attnspec {
namespace {

constexpr std::size_t largest_k = 65536, most_trials = 100'000'000;

[[noreturn]] void refuse(const std::string& message) { throw Error(ErrorKind::usage, message); }

std::vector<std::string> items_of(const std::string& text) {
  std::vector<std::string> items;
  std::istringstream in(text);
  for (std::string item; std::getline(in, item, ',');) items.push_back(item);
  if (text.empty() || text.back() == ',') items.emplace_back();  // getline leaves it out; the checks refuse it
  return items;
}

template <class Number>
bool reads_as(const std::string& text, Number& value) {
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  return failure == std::errc() && end == text.data() + text.size();
}

std::uint64_t whole(const std::string& option, const std::string& text, std::uint64_t least, std::uint64_t most) {
  std::uint64_t value = 0;
  if (!reads_as(text, value) || value < least || value > most)
    refuse(fmt::format("{} {}: expected a whole number from {} to {}{}", option, text, least, most,
                       option == "--k" ? ", several of them separated by commas, or auto" : ""));
  return value;
}

double between_zero_and_one(const std::string& option, const std::string& text) {
  double value = 0;
  if (!reads_as(text, value) || !(value > 0 && value < 1))
    refuse(fmt::format("{} {}: expected a number between 0 and 1, both excluded", option, text));
  return value;
}

std::set<std::string> names_of(const std::string& option, const std::string& text,
                               const std::vector<std::string>& known) {
  std::set<std::string> names;
  for (const std::string& name : items_of(text)) {
    if (std::find(known.begin(), known.end(), name) == known.end())
      refuse(fmt::format("{} {}: there is no \"{}\"; expected {}", option, text, name, fmt::join(known, ", ")));
    names.insert(name);
  }
  return names;
}

Delta parse_delta(const std::string& text) {
  if (text == "2^-n") return {Delta::Kind::two_to_minus_n, 0};
  if (text == "1/n") return {Delta::Kind::one_over_n, 0};
  double value = 0;
  if (!reads_as(text, value) || !(value >= 0) || !std::isfinite(value))
    refuse(fmt::format("--delta {}: expected 2^-n, 1/n, or a number that is not negative (0: the limit)", text));
  return {Delta::Kind::number, value};
}

std::set<Claim> parse_claims(const std::string& text) {
  if (text == "all") return {Claim::lemma1, Claim::theorem1, Claim::theorem2};
  std::set<Claim> claims;
  for (const std::string& name : names_of("--claim", text, {"lemma1", "theorem1", "theorem2", "all"})) {
    if (name == "all") return parse_claims("all");
    claims.insert(name == "lemma1" ? Claim::lemma1 : name == "theorem1" ? Claim::theorem1 : Claim::theorem2);
  }
  return claims;
}

template <class Value>
void sort_and_thin(std::vector<Value>& values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

}  // namespace

VerifyOptions parse_verify_words(const VerifyWords& words) {
  VerifyOptions options;
  options.claims = parse_claims(words.claim);
  options.epsilons.clear();
  for (const std::string& item : items_of(words.epsilon))
    options.epsilons.push_back(between_zero_and_one("--epsilon", item));
  sort_and_thin(options.epsilons);
  if (words.k != "auto")
    for (const std::string& item : items_of(words.k)) options.ks.push_back(whole("--k", item, 1, largest_k));
  sort_and_thin(options.ks);
  options.trials = whole("--trials", words.trials, 1, most_trials);
  options.seed = whole("--seed", words.seed, 0, UINT64_MAX);
  options.confidence = between_zero_and_one("--confidence", words.confidence);
  options.delta = parse_delta(words.delta);
  if (words.columns != "auto") options.columns = names_of("--columns", words.columns, {"value", "gaussian", "ones"});
  options.constructions =
      names_of("--construction", words.construction, {"paper", "gaussian", "zero", "mean", "svd", "pool"});
  return options;
}

std::set<std::string> parse_check(const std::string& text) {
  if (text == "none") return {};
  std::vector<std::string> known{"norm", "inner-relative", "inner-product", "relative", "rowwise"};
  for (const char* form : {"exp", "softmax"})
    for (const char* over : {"row", "all"})
      for (const char* norm : {"frobenius", "spectral"}) known.push_back(fmt::format("{}-{}-{}", form, over, norm));
  return names_of("--check", text, known);
}

}  // namespace attnspec
