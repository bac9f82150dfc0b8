"""Progress on stderr: one line rewritten on a terminal, a line every ten seconds elsewhere."""

import sys
import time

SECONDS_BETWEEN_LINES = 10.0
SECONDS_BETWEEN_REWRITES = 0.2


def duration(seconds):
    """Seconds as people read them: 42 s, 3 min 05 s, 2 h 07 min."""
    seconds = int(round(seconds))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"


class Progress:
    """Counts layers of samples; says how many samples are done and how long the rest will take."""

    def __init__(self, samples, layers, quiet=False, stream=None):
        self._stream = stream or sys.stderr
        self._samples, self._layers, self._quiet = samples, layers, quiet
        self._terminal = self._stream.isatty()
        self._started = self._last = time.monotonic()
        self._line_open = False

    def layer_done(self, sample, layer):
        now = time.monotonic()
        pause = SECONDS_BETWEEN_REWRITES if self._terminal else SECONDS_BETWEEN_LINES
        if self._quiet or now - self._last < pause:
            return
        self._last = now
        share = (sample * self._layers + layer + 1) / (self._samples * self._layers)
        left = (now - self._started) * (1 - share) / share
        self._write(f"sample {sample + 1} of {self._samples}, layer {layer + 1} of {self._layers}, "
                    f"{100 * share:.0f} %, {duration(left)} left")

    def close(self):
        if self._line_open:
            self._stream.write("\r\033[K")
            self._stream.flush()
            self._line_open = False

    def _write(self, text):
        self._stream.write(f"\r\033[K{text}" if self._terminal else f"{text}\n")
        self._stream.flush()
        self._line_open = self._terminal
