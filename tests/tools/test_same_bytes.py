#!/usr/bin/env python3
"""The same dump gives the same bytes, however many threads compute it and however its matrices are cut into batches."""

import os
import unittest

import numpy as np

from support.dumps import normals, random_attention, write_dump
from support.program import Workplace

METHODS = ("gram", "direct", "direct32", "reference")


class SameBytes(Workplace):
    def assert_same(self, dump, runs, *options):
        """Each run of `runs` is a list of options."""
        first, batches = None, set()
        for more in runs:
            results = self.spectrum(dump, *options, *more)
            batches.add(results.run["options"]["batch_bytes"])
            found = (results.bytes_of("spectrum.csv"), results.bytes_of("summary.csv"), results.h5().tobytes(), results.h5("/status").tobytes())
            first = first or found
            self.assertEqual([a == b for a, b in zip(found, first)], [True] * 4, more)
        self.assertGreater(len(batches), 1, "no run had other batches")

    def test_threads_and_memory_change_no_byte_of_ragged_attention(self):
        lengths = np.array([64, 33, 33, 64, 50])
        dump = write_dump(self.path("a.h5"), random_attention(1, 5, 3, 4, 64, 64).astype(np.float32), lengths=lengths, row_sum="at_most_one")
        runs = [["--threads", "1"], ["--threads", "2"], ["--threads", "8"], ["--threads", "1", "--max-memory", "66M"], ["--threads", "8", "--max-memory", "67M"],
                ["--threads", "2", "--max-memory", "70M"], ["--threads", "2", "--max-memory", "8G"], ["--threads", "2"]]
        for method in METHODS:
            with self.subTest(method=method):
                self.assert_same(dump, runs, "--method", method)

    def test_threads_and_memory_change_no_byte_of_attention_in_half_precision(self):
        """By auto, which takes direct32: whoever shares the lanes with a matrix changes nothing of it."""
        dump = write_dump(self.path("a.h5"), random_attention(1, 7, 3, 4, 64, 64).astype(np.float16))

        self.assert_same(dump, [["--threads", "1"], ["--threads", "2"], ["--threads", "8"], ["--threads", "1", "--max-memory", "67M"], ["--threads", "3", "--max-memory", "68M"]])

    def test_threads_and_memory_change_no_byte_of_attention_from_queries_and_keys(self):
        query, key = normals(1, 3, 2, 4, 96, 16), normals(2, 3, 2, 2, 96, 16)
        dump = write_dump(self.path("a.h5"), query=query, key=key, n_kv_heads=2, mask_kind="causal", bias=normals(3, 1, 4, 96, 96))

        self.assert_same(dump, [["--threads", "1"], ["--threads", "2"], ["--threads", "8"], ["--threads", "1", "--max-memory", "67M"]])

    def test_large_matrices_are_the_same_on_one_thread_and_many(self):
        dump = write_dump(self.path("a.h5"), random_attention(1, 1, 1, 3, 300, 300))

        self.assert_same(dump, [["--threads", "1"], ["--threads", "3"], ["--threads", "1"], ["--threads", "8"]], "--method", "gram")

    def test_environment_variables_of_blas_change_no_byte(self):
        dump = write_dump(self.path("a.h5"), random_attention(1, 1, 2, 3, 100, 100))
        plain = self.spectrum(dump, "--threads", "2")

        for variables in ({"OPENBLAS_NUM_THREADS": "1"}, {"OPENBLAS_NUM_THREADS": "4"}, {"OMP_NUM_THREADS": "3"}):
            other = self.spectrum(dump, "--threads", "2", variables=variables)
            self.assertEqual(other.bytes_of("spectrum.csv"), plain.bytes_of("spectrum.csv"), variables)

    def test_the_layout_of_the_file_changes_no_number(self):
        P = random_attention(1, 2, 2, 2, 40, 40)
        found = set()
        for chunks in (None, (1, 1, 1, 40, 40), (2, 2, 2, 11, 13)):
            for compression in (None, "gzip"):
                if chunks or not compression:
                    dump = write_dump(self.path("a.h5"), P, {"chunks": chunks, "compression": compression})
                    found.add(self.spectrum(dump).bytes_of("spectrum.csv"))
                    os.remove(dump)

        self.assertEqual(len(found), 1)


if __name__ == "__main__":
    unittest.main()
