"""What `attnspec inspect` finds in one canonical dump: its JSON, and its report for people."""

import json

import numpy as np

from support.dumps import normals, random_attention, write_dump
from support.program import DONE, SKIPPED, Outcome, Workplace, attnspec

S, L, H, N = 2, 2, 3, 48
BAD = (1, 0, 2)     # sample, layer, head of the one bad matrix


def attention(seed=1):
    return random_attention(seed, S, L, H, N, N)


def masked_logits(hidden, seed=3):
    logits = normals(seed, S, L, H, N, N, sd=2)
    logits[..., hidden] = -np.inf
    return logits


def after_query(n=N):
    """True where key j comes after query i."""
    return np.triu(np.ones((n, n), bool), 1)


def before_window(window, n=N):
    return np.tril(np.ones((n, n), bool), -window)


class Inspected(Workplace):
    """Runs of inspect. A class of tests sets `golden`."""

    golden = None

    def inspect(self, *options, attention=None, **contents):
        """The JSON; the report for people is kept in self.report, both of one file."""
        path = write_dump(self.path("a.h5"), attention, **contents)
        self.report = attnspec("inspect", path, *options)
        outcome = attnspec("inspect", path, *options, "--json")
        self.assertEqual(outcome.code, self.report.code)
        seen = json.loads(outcome.stdout)
        seen["code"] = outcome.code
        return seen

    def assert_said(self, case, seen, refused=None, warnings=None):
        """These kinds and no others; the golden file holds the sentences and the table."""
        refused, warnings = refused or {}, warnings or {}
        self.assertEqual((seen["refused"], seen["warnings"]), (refused, warnings))
        self.assertEqual((seen["code"], seen["sound"]), (SKIPPED, False) if refused else (DONE, True))
        sentences = "".join(finding["sentence"] + "\n" for finding in seen["findings"])
        table = self.report.stdout.partition("\n\n")[2]
        self.golden.check(self, case, Outcome(self.report.code, "", sentences + "\n" + table))
