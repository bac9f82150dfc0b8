// Attributes with their types checked.
#include "lib/dump/layout_attributes.hpp"

#include <algorithm>
#include <cmath>

#include "lib/core/error.hpp"
#include "lib/core/plain_text.hpp"

namespace attnspec {
namespace {

template <class Value>
std::vector<Value> spread(const LayoutAttributes& attributes, const std::string& name, std::size_t layers,
                          const std::vector<Value>* found, const Value& otherwise) {
  if (found == nullptr) return std::vector<Value>(layers, otherwise);
  if (found->size() == 1) return std::vector<Value>(layers, found->front());
  if (found->size() == layers) return *found;
  attributes.refuse(name, std::to_string(found->size()) + " values",
                    "one, or one a layer (" + std::to_string(layers) + ")");
}

}  // namespace

void LayoutAttributes::refuse(const std::string& name, const std::string& found, const std::string& wanted) const {
  throw Error(ErrorKind::input,
              catalog_.file + ": attribute " + name + " is " + on_one_line(found) + ", expected " + wanted);
}

const std::vector<double>* LayoutAttributes::numbers(const std::string& name) const {
  const auto found = catalog_.attributes.find(name);
  if (found == catalog_.attributes.end()) return nullptr;
  const auto* values = std::get_if<std::vector<double>>(&found->second);
  if (values == nullptr) refuse(name, "text", "a number");
  if (!std::all_of(values->begin(), values->end(), [](double x) { return std::isfinite(x); }))
    refuse(name, "not finite", "a finite number");
  return values;
}

const std::vector<std::string>* LayoutAttributes::texts(const std::string& name) const {
  const auto found = catalog_.attributes.find(name);
  if (found == catalog_.attributes.end()) return nullptr;
  const auto* values = std::get_if<std::vector<std::string>>(&found->second);
  if (values == nullptr) refuse(name, "a number", "text");
  return values;
}

std::string LayoutAttributes::text(const std::string& name, const std::string& otherwise) const {
  const auto* values = texts(name);
  return values == nullptr ? otherwise : values->front();
}

std::optional<double> LayoutAttributes::number(const std::string& name) const {
  const auto* values = numbers(name);
  return values == nullptr ? std::nullopt : std::optional(*std::max_element(values->begin(), values->end()));
}

std::optional<std::size_t> LayoutAttributes::count(const std::string& name) const {
  const auto value = number(name);
  if (!value) return std::nullopt;
  if (*value < 0 || *value > 1e9 || *value != std::floor(*value))
    refuse(name, std::to_string(*value), "a whole number");
  return static_cast<std::size_t>(*value);
}

std::vector<double> LayoutAttributes::numbers_by_layer(const std::string& name, std::size_t layers,
                                                       double otherwise) const {
  return spread(*this, name, layers, numbers(name), otherwise);
}

std::vector<std::string> LayoutAttributes::texts_by_layer(const std::string& name, std::size_t layers,
                                                          const std::string& otherwise) const {
  return spread(*this, name, layers, texts(name), otherwise);
}

}  // namespace attnspec
