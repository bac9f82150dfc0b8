// A flag set by a signal handler.
#include "tools/interrupt.hpp"

#include <csignal>

namespace attnspec {
namespace {

volatile std::sig_atomic_t signal_seen = 0;

void note(int signal) {
  signal_seen = signal;
  std::signal(signal, SIG_DFL);
}

}  // namespace

void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = note;
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

int interrupted_by() { return signal_seen; }

}  // namespace attnspec
