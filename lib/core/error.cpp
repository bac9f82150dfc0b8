// Error lives out of line so that its type information has one home, in libattnspec.so.
#include "lib/core/error.hpp"

namespace attnspec {

Error::Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}

Error::~Error() = default;

}  // namespace attnspec
