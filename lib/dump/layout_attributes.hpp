// The root attributes of a dump, asked for by name and checked. Not installed.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/dump/catalog.hpp"

namespace attnspec {

class LayoutAttributes {
 public:
  explicit LayoutAttributes(const Catalog& catalog) : catalog_(catalog) {}

  bool has(const std::string& name) const { return catalog_.attributes.contains(name); }
  std::string text(const std::string& name, const std::string& otherwise) const;
  std::optional<double> number(const std::string& name) const;
  /// A whole number that is not negative. Throws Error(input) for anything else.
  std::optional<std::size_t> count(const std::string& name) const;
  /// One value a layer, from an attribute of one value or of `layers` values. Throws Error(input) for other lengths.
  std::vector<double> numbers_by_layer(const std::string& name, std::size_t layers, double otherwise) const;
  std::vector<std::string> texts_by_layer(const std::string& name, std::size_t layers,
                                          const std::string& otherwise) const;

  [[noreturn]] void refuse(const std::string& name, const std::string& found, const std::string& wanted) const;

 private:
  const std::vector<double>* numbers(const std::string& name) const;
  const std::vector<std::string>* texts(const std::string& name) const;

  const Catalog& catalog_;
};

}  // namespace attnspec
