// What a terminal may see.
#include "analysis/writers/plain_text.hpp"

namespace attnspec {

std::string printable(std::string text) {
  for (char& c : text) {
    const auto code = static_cast<unsigned char>(c);
    if ((code < 0x20 && c != '\n' && c != '\t') || code == 0x7f) c = '?';
  }
  return text;
}

}  // namespace attnspec
