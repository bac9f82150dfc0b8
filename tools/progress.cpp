// Rate and time left.
#include "tools/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

#include "tools/terminal.hpp"

namespace attnspec {

Progress::Progress(const std::string& how, std::string noun) : how_(How::none), noun_(std::move(noun)) {
  if (how == "plain") how_ = How::plain;
  if (how == "auto") how_ = isatty(STDERR_FILENO) != 0 ? How::rewritten : How::plain;
}

void Progress::update(std::size_t done, std::size_t total) {
  if (how_ == How::none) return;
  const auto now = Clock::now();
  if (!begun_) {  // what an earlier run had done already says nothing of this one's rate
    begun_ = true;
    done_at_start_ = done;
    return;
  }
  const double since_last = std::chrono::duration<double>(now - last_).count();
  if (since_last < (how_ == How::rewritten ? 0.1 : 10.0)) return;
  last_ = now;
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const double rate = static_cast<double>(done - done_at_start_) / seconds;
  const std::string left =
      rate > 0 ? duration_text(static_cast<double>(total - done) / rate) + " left" : "time left not known yet";
  const std::string line = fmt::format("{} of {}, {:.1f}/s, {}", done, counted(total, noun_), rate, left);
  if (how_ == How::plain) return say(line);
  std::fputs(("\r\x1b[K" + line).c_str(), stderr);
  std::fflush(stderr);
  shown_ = true;
}

void Progress::clear() {
  if (shown_) std::fputs("\r\x1b[K", stderr);
  shown_ = false;
}

}  // namespace attnspec
