#!/usr/bin/env python3
"""Matrices that are no attention: what is said, what is skipped, and that their neighbours keep their numbers."""
# Golden: tests/tools/golden/bad_matrices.txt, made by: ATTNSPEC_WRITE_GOLDEN=1 /usr/bin/python3 tests/tools/test_bad_matrices.py

import json
import re
import unittest

import numpy as np

from support.dumps import as_bfloat16, normals, random_attention, write_dump
from support.program import DONE, INPUT, SKIPPED, Golden, Workplace, attnspec

GOLDEN = Golden("bad_matrices.txt")
N = 8
BAD = (1, 0, 2)      # sample, layer, head of the one bad matrix


def attention():
    return random_attention(1, 2, 2, 3, N, N)


def with_bad(change):
    """The dump's attention with one matrix changed in place by `change`."""
    P = attention()
    change(P[BAD])
    return P


def set_at(place, value):
    def change(matrix):
        matrix[place] = value
    return change


def transpose(matrix):
    matrix[:] = matrix.T.copy()


def negate_one(matrix):
    matrix[3, 2] -= 0.5
    matrix[3, 3] += 0.5


def scores(matrix):
    matrix[:] = np.abs(normals(4, N, N, sd=3)) + 1.5


def signed_scores(matrix):
    matrix[:] = normals(4, N, N, sd=3)


def drop_out(matrix):
    matrix *= (np.random.default_rng(0).random((N, N)) >= 0.3) / 0.7


REFUSED = {"NaN": ("not_finite", set_at((2, 3), np.nan)), "infinity": ("not_finite", set_at((2, 3), np.inf)),
           "both infinities": ("not_finite", set_at((2, slice(2, 4)), [np.inf, -np.inf])), "all NaN": ("not_finite", set_at(..., np.nan)),
           "a negative entry": ("negative", negate_one), "scores of both signs": ("logits", signed_scores), "scores above one": ("above_one", scores), "dropout": ("dropout", drop_out), "a row of zeros": ("zero_rows", set_at(5, 0.0)),
           "all zero": ("zero_rows", set_at(..., 0.0)), "a transposed matrix": ("transposed", transpose),
           "a row sum of 0.97": ("row_sum", lambda m: m.__setitem__(4, m[4] * 0.97)), "a row sum of 1.03": ("row_sum", lambda m: m.__setitem__(4, m[4] * 1.03))}


class Skipped(Workplace):
    def run_on(self, path, *options):
        folder = self.folder / f"run{self.runs}"
        self.runs += 1
        return folder, attnspec("spectrum", path, "-o", folder, "--figures", "none", "--quiet", *options)

    def test_a_bad_matrix_is_named_and_skipped_and_its_neighbours_keep_their_numbers(self):
        clean = self.spectrum(write_dump(self.path("clean.h5"), attention()))
        clean_sigma = clean.h5()
        for case, (kind, change) in REFUSED.items():
            with self.subTest(case=case):
                path = write_dump(self.path("a.h5"), with_bad(change))
                results = self.spectrum(path, code=SKIPPED)
                GOLDEN.check(self, case, results.outcome)

                sigma = results.h5()
                self.assertTrue(np.isnan(sigma[BAD]).all())
                sigma[BAD] = clean_sigma[BAD]
                self.assertEqual(sigma.tobytes(), clean_sigma.tobytes())
                self.assertNotEqual(results.h5("/status")[BAD], 0)
                self.assertEqual(np.count_nonzero(results.h5("/status")), 1)
                rows = results.summary.set_index(["layer", "head"])
                self.assertEqual(rows.loc[BAD[1:]][["samples", "skipped"]].tolist(), [1, 1])
                self.assertEqual(rows.drop(BAD[1:])[["samples", "skipped"]].drop_duplicates().values.tolist(), [[2, 0]])
                counts = results.run["inputs"][0]
                self.assertEqual((counts["matrices"], counts["done"], counts["skipped"]), (12, 11, {kind: 1}))

    def test_inspect_finds_the_same_kinds(self):
        for case, (kind, change) in REFUSED.items():
            with self.subTest(case=case):
                outcome = attnspec("inspect", write_dump(self.path("a.h5"), with_bad(change)), "--json")
                seen = json.loads(outcome.stdout)
                self.assertEqual((outcome.code, seen["sound"], seen["refused"]), (SKIPPED, False, {kind: 1}))
                self.assertEqual([seen["findings"][0][name] for name in ("sample", "layer", "head")], list(BAD))

    def test_on_bad_error_stops_with_the_same_words_and_no_result(self):
        for case, (_, change) in REFUSED.items():
            with self.subTest(case=case):
                folder, outcome = self.run_on(write_dump(self.path("a.h5"), with_bad(change)), "--on-bad", "error")
                self.assertEqual(outcome.code, INPUT)
                self.assert_nothing_written(folder)
                GOLDEN.check(self, case + ", --on-bad error", outcome)

    def test_on_bad_warn_computes_what_is_finite_and_does_not_call_it_skipped(self):
        for case, (kind, change) in REFUSED.items():
            with self.subTest(case=case):
                P = with_bad(change)
                finite = kind != "not_finite"
                results = self.spectrum(write_dump(self.path("a.h5"), P), "--on-bad", "warn", "--method", "direct", code=DONE if finite else SKIPPED)
                if not finite:
                    continue
                np.testing.assert_allclose(results.h5()[BAD], np.linalg.svd(P[BAD], compute_uv=False), rtol=0, atol=1e-10)
                self.assertEqual(results.run["inputs"][0]["warnings"], {kind: 1})
                self.assertIn("attnspec: warning: ", results.outcome.stderr)
                self.assertNotIn("skipped", results.outcome.stderr)

    def test_a_head_without_any_sound_sample_has_a_row_without_numbers_and_no_curve(self):
        P = attention()
        P[:, 1, 1] = np.nan

        results = self.spectrum(write_dump(self.path("a.h5"), P), code=SKIPPED)

        row = results.summary.set_index(["layer", "head"]).loc[1, 1]
        self.assertEqual((row.samples, row.skipped), (0, 2))
        self.assertTrue(row.loc["cumulative_at_index_mean":"error_bound"].isna().all())
        self.assertTrue(results.head(1, 1).empty)

    def test_a_dump_without_any_sound_matrix_says_so(self):
        outcome = attnspec("spectrum", write_dump(self.path("a.h5"), attention() * np.nan), "-o", self.path("out"), "--figures", "none")

        self.assertEqual(outcome.code, SKIPPED)
        GOLDEN.check(self, "nothing but NaN", outcome)

    def test_more_than_ten_findings_are_counted_and_not_listed(self):
        outcome = self.spectrum(write_dump(self.path("a.h5"), attention() * 0.9), code=SKIPPED).outcome

        self.assertEqual(outcome.stderr.count("attnspec: skipped: "), 10)
        self.assertIn("counted in run.json", outcome.stderr)


class Warned(Workplace):
    """Row sums between what storage rounds and 0.02: computed, with a warning."""

    def scaled(self, factor, dtype):
        P = np.full((1, 1, 1, N, N), 1 / N)     # exact in every type
        P[0, 0, 0, 4] *= factor
        return as_bfloat16(P) if dtype == "bf16" else P.astype(dtype)

    def test_each_type_has_its_tolerance(self):
        for dtype, tolerance in (("f2", 1.2e-3), ("bf16", 8e-3), ("f4", 1.2e-6), ("f8", 1.2e-6)):
            with self.subTest(dtype=dtype):
                below = self.spectrum(write_dump(self.path("a.h5"), self.scaled(1 + 0.8 * tolerance, dtype)))
                above = self.spectrum(write_dump(self.path("b.h5"), self.scaled(1 + 1.6 * tolerance, dtype)))
                self.assertEqual(below.outcome.stderr, "")
                self.assertEqual(below.run["inputs"][0]["warnings"], {})
                self.assertEqual(above.run["inputs"][0]["warnings"], {"row_sum": 1})
                said = re.search(r"row 4 sums to ([0-9.e+-]+), expected 1 ", above.outcome.stderr)
                self.assertNotEqual(float(said[1]), 1.0, above.outcome.stderr)
                self.assertEqual(above.outcome.stderr.count("attnspec: warning: "), 1)

    def test_a_row_sum_is_refused_beyond_two_hundredths_and_not_before(self):
        for factor, code in ((0.981, DONE), (1.019, DONE), (0.979, SKIPPED), (1.021, SKIPPED)):
            with self.subTest(factor=factor):
                self.spectrum(write_dump(self.path("a.h5"), self.scaled(factor, "f8")), code=code)

    def test_rows_may_fall_short_of_one_where_the_dump_says_so(self):
        short = write_dump(self.path("a.h5"), self.scaled(0.5, "f8"), row_sum="at_most_one")
        zero = write_dump(self.path("b.h5"), self.scaled(0.0, "f8"), row_sum="at_most_one")
        long = write_dump(self.path("c.h5"), self.scaled(1.1, "f8"), row_sum="at_most_one")

        self.assertEqual(self.spectrum(short).outcome.stderr, "")
        self.assertEqual(self.spectrum(zero).outcome.stderr, "")
        GOLDEN.check(self, "more than one where at most one is allowed", self.spectrum(long, code=SKIPPED).outcome)

    def test_an_unfinished_dump_is_read_with_a_note(self):
        path = write_dump(self.path("a.h5"), self.scaled(1, "f8"), complete=np.int8(0))

        outcome = attnspec("spectrum", path, "-o", self.path("out"), "--figures", "none")

        self.assertEqual(outcome.code, DONE)
        GOLDEN.check(self, "an unfinished dump", outcome)


if __name__ == "__main__":
    unittest.main()
