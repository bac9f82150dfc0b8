// Whether a table of contents can be true of a file of this size. Not installed.
#pragma once

#include "lib/dump/catalog.hpp"

namespace attnspec {

/// Gives every dataset whose bytes can not lie where the table says a refusal: places beyond the end of the file,
/// chunks that do not fill the dataset, numbers that do not add up. What has no refusal afterwards is safe to read.
void check_catalog(Catalog& catalog);

}  // namespace attnspec
