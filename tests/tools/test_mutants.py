#!/usr/bin/env python3
"""Damaged dumps by the hundred: a known exit code, one line of complaint or whole JSON, soon, and in little memory."""

import os
import sys
import unittest

from support.program import PROGRAM, TESTS

FUZZ = TESTS.parent / "fuzz"
sys.path.insert(0, str(FUZZ))

from mutate_dumps import make_fixtures, run, run_bytes, run_mutants  # noqa: E402

BUSY = FUZZ / "reproducers" / "keeps_hdf5_busy.h5"  # for ever: a list in its global heap that leads back to itself
JOBS = min(4, len(os.sched_getaffinity(0)))


class Mutants(unittest.TestCase):
    def test_the_fixtures_themselves_are_read(self):
        for name, fixture in make_fixtures().items():
            with self.subTest(name):
                result = run_bytes(PROGRAM, fixture.data)
                self.assertIn(result.code, (0, 5), result.stderr)
                self.assertEqual(result.wrong(), "")

    def test_every_mutant_is_answered(self):
        def check(name, seed, _, result):
            with self.subTest(f"tests/fuzz/mutate_dumps.py --one {name}:{seed}"):
                self.assertEqual(result.wrong(), "", result.stderr)
            codes.add(result.code)

        codes = set()
        run_mutants(PROGRAM, 500, 102_340, JOBS, check)  # a range in which none keeps HDF5 busy to its limit of time
        self.assertLessEqual({0, 3, 5}, codes, "these mutants try little")

    def test_what_once_went_wrong_does_not_again(self):
        for file in sorted(set((FUZZ / "reproducers").glob("*.h5")) - {BUSY}):
            with self.subTest(file.name):
                self.assertEqual(run(PROGRAM, str(file)).wrong(), "")

    def test_a_file_that_keeps_hdf5_busy_is_given_up(self):
        result = run(PROGRAM, str(BUSY))

        self.assertEqual((result.code, result.wrong()), (3, ""))
        self.assertIn(b"did not come to an end in 10 s of computing", result.stderr)


if __name__ == "__main__":
    unittest.main()
