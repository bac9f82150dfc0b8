// The catalog as bytes, on its way from the process that reads it. Not installed.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "lib/core/error.hpp"
#include "lib/dump/catalog.hpp"

namespace attnspec {

/// `catalog` without its file's name and size, or a refusal: the first byte says which.
std::vector<std::byte> wire_of(const Catalog& catalog);
std::vector<std::byte> wire_of(ErrorKind kind, const std::string& refusal);

/// Reads either into `catalog`; a refusal is thrown as the Error that it was. Bytes that are neither, or not whole, come
/// from a process that died or was taken over: throws Error(internal). No count is believed beyond the bytes that are
/// there.
void take_wire(std::span<const std::byte> bytes, Catalog& catalog);

}  // namespace attnspec
