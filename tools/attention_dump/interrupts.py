"""Signals that end a run. They become an exception, but never inside HDF5: its C code does not survive one."""

import contextlib
import signal

EXIT_CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}

_holds = 0
_waiting = None


class Interrupted(BaseException):
    """Not an Exception, so that no library swallows it."""

    def __init__(self, number):
        super().__init__(number)
        self.exit_code = EXIT_CODES[number]


def _interrupt(number, _frame):
    global _waiting
    if _holds == 0:
        raise Interrupted(number)
    _waiting = number


@contextlib.contextmanager
def raised():
    """Within it SIGINT and SIGTERM raise Interrupted."""
    previous = {number: signal.signal(number, _interrupt) for number in EXIT_CODES}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def held():
    """Within it they wait, and raise at its end."""
    global _holds, _waiting
    _holds += 1
    try:
        yield
    finally:
        _holds -= 1
        if _holds == 0 and _waiting is not None:
            number, _waiting = _waiting, None
            raise Interrupted(number)
