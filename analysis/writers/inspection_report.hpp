// What `inspect` says: a table for people, JSON for programs.
#pragma once

#include <cstdint>
#include <string>

#include "analysis/inspection.hpp"
#include "lib/core/export.hpp"

namespace attnspec {

ATTNSPEC_API std::string inspection_text(const Inspection& seen, std::uint64_t file_bytes);
ATTNSPEC_API std::string inspection_json(const Inspection& seen, std::uint64_t file_bytes);

}  // namespace attnspec
