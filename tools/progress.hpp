// How far a long run is: one rewritten line on a terminal, a line every ten seconds elsewhere.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace attnspec {

class Progress {
 public:
  /// `how`: auto, plain or none. `noun` names what is counted, one of it.
  Progress(const std::string& how, std::string noun);
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void update(std::size_t done, std::size_t total);
  /// Takes the rewritten line away, so that something else can be said.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  enum class How { none, plain, rewritten } how_;
  std::string noun_;
  Clock::time_point start_ = Clock::now(), last_ = start_;
  std::size_t done_at_start_ = 0;
  bool begun_ = false, shown_ = false;
};

}  // namespace attnspec
