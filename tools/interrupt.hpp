// SIGINT and SIGTERM end a run after the batch in hand.
#pragma once

namespace attnspec {

/// From now on the first signal is only noted; a second one ends the program at once.
void catch_interrupts();

/// The signal that came, or 0.
int interrupted_by();

}  // namespace attnspec
