"""A dump is refused by every verb, with its words, and leaves nothing behind."""

import pathlib

from support.program import INPUT, Workplace, attnspec


class Refusals(Workplace):
    """Dumps that are refused: exit 3, a message, no result. A class of tests sets `golden`."""

    golden = None

    def assert_refused(self, case, path, *options, says=None):
        """By `spectrum` with the golden message, or one that holds `says`; by `inspect` with the same code; nothing is left behind."""
        folder = self.folder / f"out-{case.replace(' ', '-').replace('/', '-')}"
        outcome = attnspec("spectrum", path, *options, "-o", folder, "--figures", "none")
        inspected = attnspec("inspect", path, *options)
        self.assertEqual(outcome.code, INPUT, outcome.stderr)
        self.assertEqual(outcome.stdout, "")
        self.assertEqual((inspected.code, inspected.stdout), (INPUT, ""))
        self.assertFalse(folder.exists())
        if says is not None:
            self.assertIn(says, outcome.stderr)
            return
        self.golden.check(self, case, outcome)

    def written(self, name, content):
        pathlib.Path(self.path(name)).write_bytes(content)
        return self.path(name)
