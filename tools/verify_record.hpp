// A batch of verified heads as a record of the journal.
#pragma once

#include <string>

#include "analysis/verification.hpp"

namespace attnspec {

std::string pack(const VerifiedBatch& batch);
VerifiedBatch unpack_batch(const std::string& bytes);

}  // namespace attnspec
