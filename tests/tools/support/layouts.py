"""Files of other programs, one tensor cut up in many ways, and what attnspec takes them for."""

import json

import numpy as np

from support import refusals, truth
from support.dumps import random_attention, write_datasets
from support.program import DONE, USAGE, attnspec

SAMPLES, LAYERS, HEADS, N = 3, 2, 4, 10
P = random_attention(1, SAMPLES, LAYERS, HEADS, N, N)      # no two matrices alike
ALL = list(np.ndindex(SAMPLES, LAYERS, HEADS))


class Layouts(refusals.Refusals):
    """Runs on such files. A class of tests sets `golden`."""

    def foreign(self, datasets, storage=None, **attributes):
        return write_datasets(self.path("a.h5"), datasets, storage, **attributes)

    def sigma(self, path, *options, code=DONE):
        return self.spectrum(path, "--method", "direct", *options, code=code).h5()

    def inspected(self, path, *options, code=DONE):
        outcome = attnspec("inspect", path, "--json", *options)
        self.assertEqual(outcome.code, code, outcome.stderr)
        return json.loads(outcome.stdout)

    assert_sigma = staticmethod(truth.assert_sigma)

    def assert_read(self, path, matrices, *options, layout):
        """As `matrices` [S, L, H, n, n], and `inspect` says in which layout it found them."""
        self.assertEqual(self.inspected(path, *options)["layout"], layout)
        self.assert_sigma(self.sigma(path, *options), matrices)

    def assert_usage(self, case, path, *options):
        outcome = attnspec("spectrum", path, *options, "-o", self.path("out"), "--figures", "none")
        self.assertEqual((outcome.code, outcome.stdout), (USAGE, ""), outcome.stderr)
        self.golden.check(self, case, outcome)
