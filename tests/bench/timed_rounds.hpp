// Rounds of the same work on a backend: the seconds of each, and in one round more the share in which the bus was busy.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

#include "lib/backend/backend.hpp"

namespace attnspec::bench {

/// The exit code of a program that does this; what went wrong is told.
template <class Work>
int exit_code_of(const Work& work) {
  try {
    work();
    return EXIT_SUCCESS;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return EXIT_FAILURE;
  }
}

template <class Work>
double seconds_of(const Work& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// `"seconds": [...], "bus_share": ...` for JSON; null where there is no bus to time. Memory and libraries are warm
/// before the first round; the round that times the bus is none of those of `seconds`.
template <class Work>
std::string timed_rounds(Backend& backend, std::size_t rounds, const Work& work) {
  work();
  std::string text = "\"seconds\": [";
  for (std::size_t round = 0; round < rounds; ++round)
    text += (round == 0 ? "" : ", ") + std::to_string(seconds_of(work));
  text += "], \"bus_share\": ";
  if (!backend.time_bus()) return text + "null";
  const double before = backend.seconds_on_bus(), all = seconds_of(work);
  return text + std::to_string((backend.seconds_on_bus() - before) / all);
}

}  // namespace attnspec::bench
