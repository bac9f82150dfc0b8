#!/usr/bin/env python3
"""The GPU's benchmark as far as it goes without a GPU: on a card that is not one, and where there is none."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import unittest

from support import program
from support.built_tree import copy_of_tree
from support.program import ROOT, UNSUPPORTED, Workplace, environment

FAKE = os.environ.get("ATTNSPEC_FAKE_CUDA")
BENCH = ROOT / "tests" / "bench" / "bench_gpu.py"


class Benchmark(Workplace):
    def bench(self, prepare, *words):
        built = pathlib.Path(program.PROGRAM).resolve().parent
        variables = copy_of_tree(self, prepare)
        folder = pathlib.Path(program.PROGRAM).parent
        for name in ("attnspec-time-spectra", "attnspec-time-trials"):
            shutil.copy(built / name, folder)
        return subprocess.run([sys.executable, str(BENCH), "--build", str(folder.parent), "--threads", "2", "--rounds", "2", "--json", str(self.folder / "gpu.json"), *words],
                              env=environment(**variables), capture_output=True, text=True, timeout=program.LONGEST_RUN)

    @unittest.skipUnless(FAKE and os.path.exists(FAKE), "the fake card was not built")
    def test_spectra_and_trials_of_the_card_stand_beside_the_cpus_with_the_share_of_the_bus(self):
        outcome = self.bench(lambda library: shutil.copy(FAKE, library), "--sides", "12", "--most", "20", "--trial-sides", "16", "--heads", "3", "--trials", "10", "--python", "/nonexistent")

        self.assertEqual(outcome.returncode, 0, outcome.stderr)
        measured = json.loads((self.folder / "gpu.json").read_text())
        (spectra,), (trials,) = measured["rows"], measured["trials"]
        self.assertEqual(set(spectra["gram"]), {"together", "apart", "two-stage"})
        for run in (*spectra["gram"].values(), spectra["direct"], trials["card"]):
            self.assertIn("a fake", run["card"])
            self.assertGreater(run["bus_share"], 0)
            self.assertEqual(len(run["seconds"]), 2)
        self.assertIsNone(spectra["cpu"]["bus_share"])
        self.assertIsNone(trials["cpu"]["bus_share"])
        self.assertIsNone(spectra["peer"])
        self.assertEqual(trials["cpu"]["trials"], 10)
        self.assertLess(trials["differ"], 1e-12)
        for heading in ("over cpu", "bus", "differ"):
            self.assertIn(heading, outcome.stdout)

    def test_without_a_card_it_says_why_and_times_nothing(self):
        outcome = self.bench(lambda library: library.unlink(missing_ok=True))

        self.assertEqual(outcome.returncode, UNSUPPORTED)
        self.assertIn("nothing was timed, there is no GPU to use: this build has no GPU backend", outcome.stderr)
        self.assertEqual(outcome.stdout, "")
        self.assertFalse((self.folder / "gpu.json").exists())

    def test_tried_on_the_cpu_it_claims_no_share_of_a_bus(self):
        outcome = self.bench(lambda library: library.unlink(missing_ok=True), "--device", "cpu", "--sides", "12", "--most", "4", "--trial-sides", "16", "--heads", "2",
                             "--trials", "8", "--python", "/nonexistent")

        self.assertEqual(outcome.returncode, 0, outcome.stderr)
        self.assertIn("NO GPU", outcome.stdout)
        self.assertRegex(outcome.stdout.splitlines()[-1], r" none +0\.0e\+00$|none +\d")


if __name__ == "__main__":
    unittest.main()
