#!/usr/bin/env python3
"""Whole runs with --device cuda on a card that is not one (tests/fake_cuda_library.cpp): the CPU's answers, and an exit code and a remedy for whatever fails."""

import os
import shutil
import unittest

import numpy as np

from support.built_tree import copy_of_tree
from support.dumps import normals, random_attention, write_dump
from support.program import DONE, LIMIT, SKIPPED, UNSUPPORTED, USAGE, Results, Workplace, attnspec

FAKE = os.environ.get("ATTNSPEC_FAKE_CUDA")
N = 24


@unittest.skipUnless(FAKE and os.path.exists(FAKE), "the fake card was not built")
class FakeCard(Workplace):
    def setUp(self):
        super().setUp()
        self.variables = copy_of_tree(self, lambda library: shutil.copy(FAKE, library))
        self.stored = write_dump(self.path("p.h5"), random_attention(1, 3, 2, 4, N, N))
        self.compact = write_dump(self.path("qk.h5"), query=normals(1, 3, 2, 4, N, 4).astype(np.float16), key=normals(2, 3, 2, 4, N, 4).astype(np.float16),
                                  value=normals(3, 3, 2, 4, N, 4).astype(np.float16), scale=0.5, mask_kind="causal")

    def run_on(self, device, verb, dump, *words, card="", out=None, **variables):
        folder = self.path(out or device)
        outcome = attnspec(verb, dump, "-o", folder, "--device", device, "--figures", "none", *words, variables={**self.variables, "ATTNSPEC_FAKE_GPU": card, **variables})
        return outcome, Results(folder, outcome)

    def assert_error(self, outcome, code, *words):
        self.assertEqual(outcome.code, code, outcome.stderr)
        for word in words:
            self.assertIn(word, outcome.stderr)

    def test_spectra_are_the_cpus_for_stored_attention_and_for_queries_and_keys(self):
        for dump in (self.stored, self.compact):
            for route in ("together", "apart", "two-stage"):
                with self.subTest(dump=os.path.basename(dump), route=route):
                    cpu, wanted = self.run_on("cpu", "spectrum", dump, "--method", "direct", "--overwrite")
                    gpu, found = self.run_on("cuda", "spectrum", dump, "--overwrite", ATTNSPEC_GPU_ROUTE=route)
                    self.assertEqual((cpu.code, gpu.code), (DONE, DONE), gpu.stderr)
                    np.testing.assert_allclose(found.h5(), wanted.h5(), rtol=0, atol=3e-7)
                    np.testing.assert_allclose(found.summary["quantisation_floor"], wanted.summary["quantisation_floor"], rtol=1e-9)

    def test_verdicts_are_the_cpus(self):
        tables = {}
        for device in ("cpu", "cuda"):
            outcome, results = self.run_on(device, "verify", self.compact, "--trials", "20", "--k", "4,12", "--seed", "7")
            self.assertEqual(outcome.code, DONE, outcome.stderr)
            tables[device] = results.table
        for column in ("verdict", "failures", "trials"):
            self.assertTrue(tables["cpu"][column].equals(tables["cuda"][column]), column)
        np.testing.assert_allclose(tables["cuda"]["rms_relative_error"], tables["cpu"]["rms_relative_error"], rtol=1e-10)

    def test_a_card_that_is_lost_at_any_call_ends_the_run_with_one_code(self):
        for call in (0, 1, 2, 5, 10, 20, 30):
            with self.subTest(call=call):
                outcome, _ = self.run_on("cuda", "spectrum", self.stored, "--overwrite", card=f"failing_call={call}")
                self.assert_error(outcome, UNSUPPORTED, "told to fail")
                outcome, _ = self.run_on("cuda", "verify", self.compact, "--trials", "5", "--k", "4", "--overwrite", card=f"failing_call={call}")
                self.assert_error(outcome, UNSUPPORTED, "told to fail")

    def test_a_run_that_lost_its_card_goes_on_without_it(self):
        lost, _ = self.run_on("cuda", "spectrum", self.stored, "--method", "gram", card="failing_call=30", out="run")
        self.assert_error(lost, UNSUPPORTED, "the GPU failed: fake: told to fail", "--resume", "--device cpu")

        resumed, results = self.run_on("cpu", "spectrum", self.stored, "--method", "gram", "--resume", out="run")

        self.assertEqual(resumed.code, DONE, resumed.stderr)
        self.assertFalse(np.isnan(results.h5()).any())

    def test_a_card_without_room_says_what_would_fit(self):
        for verb, dump in (("spectrum", self.stored), ("spectrum", self.compact), ("verify", self.compact)):
            outcome, _ = self.run_on("cuda", verb, dump, card="memory=9000", out="small")
            self.assert_error(outcome, LIMIT, "MiB", "--max-memory-device", "--device cpu")

    def test_a_matrix_that_does_not_converge_is_skipped_and_named(self):
        outcome, results = self.run_on("cuda", "spectrum", self.stored, card="no_convergence_of=5", ATTNSPEC_GPU_ROUTE="together")

        self.assert_error(outcome, SKIPPED, "did not converge")
        self.assertEqual(int(np.isnan(results.h5()).all(axis=-1).sum()), 1)

    def test_a_route_that_does_not_exist_is_refused(self):
        outcome, _ = self.run_on("cuda", "spectrum", self.stored, ATTNSPEC_GPU_ROUTE="fast")

        self.assert_error(outcome, USAGE, "ATTNSPEC_GPU_ROUTE", "two-stage")


if __name__ == "__main__":
    unittest.main()
