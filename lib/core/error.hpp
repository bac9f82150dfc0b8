// The one exception of attnspec; its kind decides the exit code.
#pragma once

#include <stdexcept>
#include <string>

#include "lib/core/export.hpp"

namespace attnspec {

/// Why a run can not go on. The value is the exit code of the program.
enum class ErrorKind {
  usage = 2,        ///< the command line asks for something that makes no sense
  input = 3,        ///< a dump is malformed, or refused
  output = 4,       ///< an output could not be written whole
  unsupported = 6,  ///< a device or a feature is absent here
  limit = 7,        ///< the work does not fit into the memory that it may use
  internal = 70     ///< our own mistake
};

/// Stops the run. The message names the place, what was found, what was wanted and what to do next.
class ATTNSPEC_API Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message);
  ~Error() override;
  ErrorKind kind() const noexcept { return kind_; }

 private:
  ErrorKind kind_;
};

}  // namespace attnspec
