// The catalog as bytes, on its way from the process that reads it. Not installed.
#pragma once

#include <string>
#include <string_view>

#include "lib/core/error.hpp"
#include "lib/dump/catalog.hpp"

namespace attnspec {

/// `catalog` without its file's name and size, or a refusal: the first word says which.
std::string wire_of(const Catalog& catalog);
std::string wire_of(ErrorKind kind, const std::string& refusal);

/// Reads either into `catalog`; a refusal is thrown as the Error that it was. Bytes that are neither, or not whole,
/// come from a process that died or was taken over: throws Error(internal).
void take_wire(std::string_view bytes, Catalog& catalog);

}  // namespace attnspec
