// Prints what lib/theory computes, one request a line, so that other implementations can be held against it.
#include <cstddef>
#include <cstdio>
#include <exception>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "lib/theory/lemma1.hpp"
#include "lib/theory/proportion.hpp"
#include "lib/theory/quadratic_form.hpp"

namespace {

using namespace attnspec;

template <typename T>
T next(std::istream& words) {
  T value{};
  if (!(words >> value)) throw std::runtime_error("a word is missing, or is no number");
  return value;
}

std::vector<double> next_vector(std::istream& words, std::size_t size) {
  std::vector<double> values(size);
  for (double& value : values) value = next<double>(words);
  return values;
}

/// "norm k epsilon", "squared-norm k epsilon", "inner k cosine tolerance", "cp failures trials confidence",
/// "quadratic x m lambda_1 .. lambda_m shift_1 .. shift_m".
std::vector<double> answer(const std::string& request) {
  std::istringstream words(request);
  const auto name = next<std::string>(words);
  if (name == "quadratic") {
    const auto x = next<double>(words);
    const auto size = next<std::size_t>(words);
    const std::vector<double> lambda = next_vector(words, size), shift = next_vector(words, size);
    return {quadratic_form_tail(lambda, shift, x)};
  }
  const auto count = next<std::size_t>(words);
  if (name == "cp") {
    const auto trials = next<std::size_t>(words);
    const Interval interval = clopper_pearson(count, trials, next<double>(words));
    return {interval.low, interval.high};
  }
  const auto first = next<double>(words);
  if (name == "norm") return {norm_failure_rate(count, first)};
  if (name == "squared-norm") return {squared_norm_failure_rate(count, first)};
  if (name == "inner") return {inner_product_failure_rate(count, first, next<double>(words))};
  throw std::runtime_error("no law is called " + name);
}

}  // namespace

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    try {
      for (const double value : answer(line)) std::printf("%.17g ", value);
      std::printf("\n");
    } catch (const std::exception& failure) {
      std::fprintf(stderr, "%s: %s\n", line.c_str(), failure.what());
      return 1;
    }
  }
}
