// A loop whose rounds run on several threads.
#pragma once

#include <cstddef>
#include <functional>

#include "lib/core/export.hpp"

namespace attnspec {

/// Calls body(index, worker) once for each index below `count`; worker counts from 0 and no two threads share one.
/// The calling thread is worker 0. What a body throws ends the loop and comes out here.
ATTNSPEC_API void for_each_index(std::size_t count, unsigned threads,
                                 const std::function<void(std::size_t index, std::size_t worker)>& body);

}  // namespace attnspec
