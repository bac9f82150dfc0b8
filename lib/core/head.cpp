// The sink's vtable lives here.
#include "lib/core/head.hpp"

namespace attnspec {

ErrorSink::~ErrorSink() = default;

}  // namespace attnspec
