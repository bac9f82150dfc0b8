#!/usr/bin/env python3
"""The GPU where there is none, or only a part of it: never replaced in silence, and the reason is a remedy."""

import json
import os
import pathlib
import unittest

from support.built_tree import copy_of_tree
from support.dumps import random_attention, write_dump
from support.program import DONE, PROGRAM, UNSUPPORTED, Workplace, attnspec

LIBRARY = "libattnspec-cuda.so"


def cuda_entries(variables=None):
    found = json.loads(attnspec("backends", "--json", variables=variables or {}).stdout)
    return [entry for entry in found["backends"] if entry["device"] == "cuda"], found["gpu"]


class Gpu(Workplace):
    def setUp(self):
        super().setUp()
        self.dump = write_dump(self.path("a.h5"), random_attention(1, 2, 2, 2, 6, 6))

    def spectrum(self, *words, variables=None):
        return attnspec("spectrum", self.dump, "-o", self.path("out"), "--figures", "none", *words, variables=variables or {})

    def assert_absent(self, reason, variables=None):
        entries, card = cuda_entries(variables)
        self.assertEqual({entry["method"] for entry in entries}, {"gram", "direct"})
        self.assertIsNone(card)
        for entry in entries:
            self.assertFalse(entry["usable"])
            self.assertIn(reason, entry["reason"])
            outcome = self.spectrum("--device", "cuda", "--method", entry["method"], variables=variables)
            self.assertEqual(outcome.code, UNSUPPORTED, outcome.stderr)
            self.assertIn(entry["reason"], outcome.stderr)
            self.assertFalse(os.path.exists(self.path("out")))

    def test_a_build_without_it_says_how_to_get_it(self):
        variables = copy_of_tree(self, lambda library: library.unlink(missing_ok=True))

        self.assert_absent("this build has no GPU backend", variables)
        self.assertEqual(self.spectrum(variables=variables).code, DONE)

    def test_a_library_that_can_not_be_loaded_is_named(self):
        variables = copy_of_tree(self, lambda library: library.write_bytes(b"no library"))

        self.assert_absent(f"{LIBRARY} can not be loaded", variables)

    def test_a_machine_without_a_card_says_what_is_missing(self):
        if not (pathlib.Path(PROGRAM).resolve().parents[1] / "lib" / LIBRARY).exists():
            self.skipTest("built without CUDA")
        if cuda_entries()[1] is not None or os.path.exists("/proc/driver/nvidia/version"):
            self.skipTest("this machine has an NVIDIA driver")

        self.assert_absent("no NVIDIA driver runs here")

    def test_a_card_that_is_there_is_named_and_gives_what_the_cpu_gives(self):
        entries, card = cuda_entries()
        if card is None:
            self.skipTest(f"no GPU here: {entries[0]['reason']}")
        self.assertGreater(card["total_bytes"], card["free_bytes"])

        for method in ("gram", "direct"):
            outcome = self.spectrum("--device", "cuda", "--method", method, "--overwrite")
            self.assertEqual(outcome.code, DONE, outcome.stderr)


if __name__ == "__main__":
    unittest.main()
