#!/usr/bin/env python3
"""Chunks that were never written, and chunks that were damaged: their matrices are skipped by name, and no others."""

import json
import unittest
import zlib

import h5py
import numpy as np

from support.dumps import change_chunk, root_attributes
from support.program import INPUT, SKIPPED, attnspec
from support.storage import ALL, CUT, FILTERS, HEADS, LAYERS, MATRIX, SHAPE, N, P, Storage


class Damage(Storage):
    BAD = (1, 0, 2)

    def assert_all_but(self, path, bad, kind):
        """The matrices of `bad` are skipped for `kind`, and all others are those of P."""
        results = self.spectrum(path, "--method", "direct", code=SKIPPED)
        sigma, there = results.h5(), np.ones(SHAPE[:3], bool)
        for place in bad:
            there[place] = False
        self.assertTrue(np.isnan(sigma[~there]).all())
        self.assert_sigma(sigma[there], P[there])
        self.assertEqual(results.run["inputs"][0]["skipped"], {kind: len(bad)})
        seen = attnspec("inspect", path, "--json")
        self.assertEqual((seen.code, json.loads(seen.stdout)["refused"]), (SKIPPED, {kind: len(bad)}))
        self.spectrum(path, "--on-bad", "error", code=INPUT)
        return results.outcome.stderr

    def with_hole(self, holes, **storage):
        path = self.path("a.h5")
        with h5py.File(path, "w") as file:
            root_attributes(file, LAYERS, HEADS)
            dataset = file.create_dataset("attention", SHAPE, "f8", **storage)
            for place in np.ndindex(SHAPE[:3]):
                if place not in holes:
                    dataset[place] = P[place]
        return path

    def test_a_matrix_that_was_never_written_is_found_with_any_fill_value(self):
        for fill in ({}, {"fillvalue": np.nan}, {"fillvalue": 1 / N}):
            for filters in ({}, FILTERS["all with deflate"]):
                with self.subTest(**fill, **filters):
                    path = self.with_hole([self.BAD], chunks=MATRIX, **fill, **filters)
                    stderr = self.assert_all_but(path, [self.BAD], "unwritten")
                    self.assertIn("(sample 1, layer 0, head 2)", stderr)

    def test_a_piece_of_a_matrix_that_was_never_written_is_found(self):
        path = self.with_hole([self.BAD], chunks=(1, 1, 1, 6, N), fillvalue=1 / N)
        with h5py.File(path, "a") as file:
            file["attention"][(*self.BAD, slice(6))] = P[self.BAD][:6]

        self.assert_all_but(path, [self.BAD], "unwritten")

    def test_a_shape_without_any_numbers_is_refused(self):
        for chunks in (None, MATRIX, ALL):
            with self.subTest(chunks=chunks):
                outcome = self.spectrum(self.with_hole(list(np.ndindex(SHAPE[:3])), chunks=chunks), code=INPUT).outcome
                self.assertIn("nothing was ever written", outcome.stderr)

    def damaged(self, change, chunk=0, **storage):
        path = self.stored(P, **storage)
        corner = change_chunk(path, chunk, change)
        with h5py.File(path) as file:
            sides = file["attention"].chunks
        inside = [place for place in np.ndindex(SHAPE[:3])
                  if all(c <= p < c + side for p, c, side in zip(place, corner, sides))]
        return path, inside

    def test_a_flipped_bit_under_a_checksum_spoils_its_matrices_and_no_others(self):
        def flip(stored):
            stored[len(stored) // 2] ^= 1
        for chunks in (MATRIX, CUT, (1, 1, 2, N, N), (1, 2, 3, N, N)):
            for options in ({}, {"compression": "lzf", "shuffle": True}, {"compression": "gzip"}):
                for chunk in (0, 1):
                    with self.subTest(chunks=chunks, chunk=chunk, **options):
                        path, inside = self.damaged(flip, chunk, chunks=chunks, fletcher32=True, **options)
                        stderr = self.assert_all_but(path, inside, "damaged")
                        self.assertIn("checksum", stderr)

    def test_a_damaged_stream_spoils_its_matrices_and_no_others(self):
        def wipe(stored):
            stored[2:len(stored) // 2] = bytes(len(stored) // 2 - 2)
        for compression in ("gzip", "lzf"):
            for chunks in (MATRIX, CUT, (1, 1, 2, N, N)):
                with self.subTest(compression=compression, chunks=chunks):
                    path, inside = self.damaged(wipe, 1, chunks=chunks, compression=compression, shuffle=True)
                    self.assert_all_but(path, inside, "damaged")

    def test_a_stream_of_more_or_fewer_bytes_than_its_chunk_is_damaged(self):
        whole = np.ascontiguousarray(P[self.BAD]).tobytes()
        for case, numbers in {"empty": b"", "short": whole[:-8], "long": whole + bytes(8),
                              "far longer": bytes(900_000)}.items():
            with self.subTest(case):
                path = self.stored(P, chunks=MATRIX, compression="gzip")
                with h5py.File(path, "a") as file:
                    file["attention"].id.write_direct_chunk((*self.BAD, 0, 0), zlib.compress(numbers))
                self.assert_all_but(path, [self.BAD], "damaged")

    def test_what_is_damaged_is_told_by_name(self):
        def flip(stored):
            stored[5] ^= 0x80
        path, _ = self.damaged(flip, 0, chunks=MATRIX, fletcher32=True)

        stderr = self.spectrum(path, "--on-bad", "error", code=INPUT).outcome.stderr

        self.assertEqual(stderr.count("\n"), 1, stderr)
        self.assertIn("a.h5: /attention (sample 0, layer 0, head 0)", stderr)
        self.assertIn("fletcher32", stderr)


if __name__ == "__main__":
    unittest.main()
