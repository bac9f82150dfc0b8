// Looking things up in the table, and naming them.
#include "lib/dump/catalog.hpp"

#include <algorithm>

namespace attnspec {

std::size_t CatalogEntry::chunk_bytes() const {
  if (chunk.empty()) return 0;
  double bytes = static_cast<double>(bytes_of(encoding.type));
  for (const std::size_t side : chunk) bytes *= static_cast<double>(side);
  return static_cast<std::size_t>(std::min(bytes, 1e18));
}

const CatalogEntry* Catalog::find(std::string_view path) const {
  const auto found = std::find_if(datasets.begin(), datasets.end(), [&](const auto& d) { return d.path == path; });
  return found == datasets.end() ? nullptr : &*found;
}

std::string shape_text(const std::vector<std::size_t>& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  return text + "]";
}

bool natural_less(std::string_view a, std::string_view b) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  std::size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    if (digit(a[i]) && digit(b[j])) {
      const auto number = [&digit](std::string_view s, std::size_t& at) {
        while (at + 1 < s.size() && s[at] == '0' && digit(s[at + 1])) ++at;
        const std::size_t from = at;
        while (at < s.size() && digit(s[at])) ++at;
        return s.substr(from, at - from);
      };
      const std::string_view left = number(a, i), right = number(b, j);
      if (left.size() != right.size()) return left.size() < right.size();
      if (left != right) return left < right;
    } else {
      if (a[i] != b[j]) return a[i] < b[j];
      ++i;
      ++j;
    }
  }
  return a.size() - i < b.size() - j;
}

}  // namespace attnspec
