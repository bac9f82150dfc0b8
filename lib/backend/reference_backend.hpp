// The oracle: Eigen's SVD, one matrix after the other, the plainest code; never made fast.
#pragma once

#include <memory>

#include "lib/backend/backend.hpp"

namespace attnspec {

std::unique_ptr<Backend> make_reference_backend();

}  // namespace attnspec
