"""How a dump fails: one exception with the exit code that every attnspec program uses for that cause."""

USAGE = 2
INPUT_REFUSED = 3
OUTPUT_FAILED = 4
PACKAGE_MISSING = 6


class DumpError(Exception):
    """What was found, what was wanted and what to do next, in one sentence."""

    def __init__(self, exit_code, message):
        super().__init__(message)
        self.exit_code = exit_code


def first_line(error):
    """The first line of a library's message: the rest is advice about that library, not about attnspec."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".: ") if lines else type(error).__name__
