#!/usr/bin/env python3
"""What `attnspec inspect` says of single matrices: each kind of finding by its sentence, its place and its numbers."""
# Golden: tests/tools/golden/inspect.txt, made by: ATTNSPEC_WRITE_GOLDEN=1 /usr/bin/python3 tests/tools/test_inspect.py

import re
import unittest

import numpy as np

from support import findings
from support.dumps import normals, softmax
from support.findings import BAD, H, L, N, S, after_query, attention, before_window, masked_logits
from support.program import DONE, Golden


def drop(P, rate, seed=7):
    """What torch.nn.Dropout does in train mode."""
    kept = np.random.default_rng(seed).random(P.shape) >= rate
    return P * kept / (1 - rate)

class Inspected(findings.Inspected):
    golden = Golden("inspect.txt")

    def assert_range(self, seen, P, visible=None):
        """The numbers of the one finding against numpy's."""
        finite = np.where(np.isfinite(P), P, 0)
        shown = P[visible] if visible is not None else P.ravel()
        self.assertEqual((seen["visible"], seen["zeros"]), (shown.size, np.count_nonzero(shown == 0)))
        np.testing.assert_allclose([seen["least"], seen["greatest"]],
                                   [P[np.isfinite(P)].min(), P[np.isfinite(P)].max()], rtol=1e-15)
        sums = finite.sum(-1)
        np.testing.assert_allclose([seen["least_row_sum"], seen["greatest_row_sum"], seen["mean_row_sum"]],
                                   [sums.min(), sums.max(), sums.mean()], rtol=1e-12)
        self.assertEqual(seen["minus_infinite"], np.count_nonzero(P == -np.inf))


class OneMatrix(Inspected):
    def with_bad(self, matrix):
        P = attention()
        P[BAD] = matrix
        return P

    def only_finding(self, seen):
        self.assertEqual(len(seen["findings"]), 1)
        finding = seen["findings"][0]
        self.assertEqual([finding[name] for name in ("sample", "layer", "head")], list(BAD))
        self.assertEqual(finding["place"], "sample 1, layer 0, head 2")
        return finding["seen"]

    def test_scores_before_the_softmax_are_known_by_their_signs_and_sums(self):
        P = self.with_bad(normals(4, N, N, sd=3))

        seen = self.inspect(attention=P)

        self.assert_said("logits", seen, {"logits": 1})
        self.assert_range(self.only_finding(seen), P[BAD])

    def test_masked_scores_are_scores_and_minus_infinity_is_their_mask(self):
        P = softmax(masked_logits(after_query()))
        P[BAD] = masked_logits(after_query())[BAD]

        seen = self.inspect(attention=P, mask_kind="causal")

        self.assert_said("masked logits", seen, {"logits": 1})
        self.assert_range(self.only_finding(seen), P[BAD], ~after_query())
        whole = self.inspect("--stage", "logits", attention=masked_logits(after_query()), mask_kind="causal")
        self.assertEqual((whole["refused"], whole["warnings"]), ({}, {}))

    def test_one_infinity_among_probabilities_is_no_sign_of_scores(self):
        P = attention()
        P[BAD][3, 5] = -np.inf
        self.assertEqual(self.inspect(attention=P)["refused"], {"not_finite": 1})
        P[BAD] = normals(4, N, N, sd=3)
        P[BAD][3, 5] = np.nan
        self.assertEqual(self.inspect(attention=P)["refused"], {"not_finite": 1})

    def test_dropout_is_known_by_its_zeros_and_scattered_sums_at_every_rate(self):
        for rate in (0.05, 0.1, 0.3, 0.5, 0.8):
            for dtype in ("f2", "f4"):
                with self.subTest(rate=rate, dtype=dtype):
                    P = self.with_bad(drop(attention()[BAD], rate)).astype(dtype)
                    seen = self.inspect(attention=P)

                    self.assertEqual(seen["refused"], {"dropout": 1})
                    found = self.only_finding(seen)
                    self.assert_range(found, P[BAD].astype(float))
                    said = re.search(r"about p = ([0-9.]+):", seen["findings"][0]["sentence"])
                    # Four standard deviations of a share of N^2 coins, and the rounding to two digits.
                    self.assertLess(abs(float(said[1]) - rate), 4 * np.sqrt(rate * (1 - rate)) / N + 0.005)
                    if (rate, dtype) == (0.1, "f4"):
                        self.assert_said("dropout", seen, {"dropout": 1})

    def test_dropout_under_a_causal_mask_counts_what_the_mask_shows(self):
        P = softmax(masked_logits(after_query()))
        P[BAD] = drop(P[BAD], 0.1)

        seen = self.inspect(attention=P, mask_kind="causal")

        self.assertEqual(seen["refused"], {"dropout": 1})
        self.assert_range(self.only_finding(seen), P[BAD], ~after_query())

    def test_dropout_that_pushes_an_entry_above_one_is_still_dropout(self):
        P = self.with_bad(drop(softmax(normals(5, N, N, sd=6)), 0.2))
        self.assertGreater(P[BAD].max(), 1.2)

        self.assertEqual(self.inspect(attention=P)["refused"], {"dropout": 1})

    def test_a_transposed_matrix_is_told_how_to_be_read(self):
        seen = self.inspect(attention=self.with_bad(attention()[BAD].T))

        self.assert_said("transposed", seen, {"transposed": 1})
        self.assertLess(self.only_finding(seen)["worst_column_error"], 1e-12)


class NoDropout(Inspected):
    def assert_sound(self, P, **contents):
        seen = self.inspect(attention=P, **contents)
        self.assertEqual((seen["code"], seen["refused"], seen["warnings"]), (DONE, {}, {}))
        return seen

    def test_zeros_of_a_causal_mask_are_no_dropout_whether_or_not_the_mask_is_named(self):
        P = softmax(masked_logits(after_query()))

        self.assertEqual(self.assert_sound(P, mask_kind="causal")["entries"]["zeros"], 0)
        self.assertEqual(self.assert_sound(P)["entries"]["zeros"], np.count_nonzero(P == 0))

    def test_zeros_of_underflow_in_half_precision_are_no_dropout(self):
        P = softmax(normals(6, S, L, H, N, N, sd=9)).astype(np.float16)
        share = np.mean(P == 0)
        self.assertTrue(0.1 < share < 0.9, share)

        self.assertEqual(self.assert_sound(P)["entries"]["zeros"], np.count_nonzero(P == 0))

    def test_underflow_with_one_row_too_small_is_a_row_sum(self):
        P = softmax(normals(6, S, L, H, N, N, sd=9)).astype(np.float16)
        P[BAD][4] *= np.float16(0.9)

        self.assertEqual(self.inspect(attention=P)["refused"], {"row_sum": 1})


class BehindTheMask(Inspected):
    def leaking(self, hidden, mass, spread):
        """Causal attention with `mass` of row 30 moved behind the mask."""
        P = softmax(masked_logits(hidden))
        P[BAD][30] *= 1 - mass
        P[BAD][30, spread] += mass / len(spread)
        return P

    def test_mass_after_the_query_is_refused_above_two_hundredths_and_warned_of_below(self):
        for mass, refused, warnings in ((0.021, {"above_diagonal": 1}, {}), (0.019, {}, {"above_diagonal": 1}),
                                        (1e-5, {}, {"above_diagonal": 1}), (1e-7, {}, {})):
            with self.subTest(mass=mass):
                P = self.leaking(after_query(), mass, [40, 44])
                seen = self.inspect(attention=P, mask_kind="causal")
                self.assertEqual((seen["refused"], seen["warnings"]), (refused, warnings))
                if seen["findings"]:
                    found = seen["findings"][0]["seen"]
                    np.testing.assert_allclose(found["above_diagonal"], np.triu(P[BAD], 1).sum(-1).max(), rtol=1e-12)
                    self.assertEqual((found["above_diagonal_row"], found["lower_triangular"]), (30, False))
                if mass == 0.021:
                    self.assert_said("mass above the diagonal", seen, refused)
        self.assertEqual(self.inspect(attention=self.leaking(after_query(), 0.5, [40]))["warnings"], {})

    def test_a_sliding_mask_has_keys_before_its_window(self):
        hidden = after_query() | before_window(8)
        P = self.leaking(hidden, 0.1, [3, 22])

        seen = self.inspect(attention=P, mask_kind="sliding:8")

        self.assert_said("mass outside the window", seen, {"outside_window": 1})
        found = seen["findings"][0]["seen"]
        np.testing.assert_allclose(found["outside_window"], np.tril(P[BAD], -8).sum(-1).max(), rtol=1e-12)
        self.assertEqual((found["outside_window_row"], found["lower_triangular"]), (30, True))
        self.assert_range(found, P[BAD], ~hidden)
        self.assertEqual(self.inspect(attention=self.leaking(hidden, 0.1, [23]), mask_kind="sliding:8")["refused"], {})

    def test_lower_triangular_matrices_under_a_bidirectional_mask_are_noted(self):
        P = softmax(masked_logits(after_query()))
        noted = lambda seen: any("lower triangular" in note for note in seen["notes"])

        self.assertTrue(noted(self.inspect(attention=P)))
        self.assertIn("lower triangular", self.report.stdout)
        self.assertTrue(noted(self.inspect(attention=P, mask_kind=None)))
        self.assertFalse(noted(self.inspect(attention=P, mask_kind="causal")))
        P[0, 1, 1, 3, 9], P[0, 1, 1, 3, 3] = 1e-3, P[0, 1, 1, 3, 3] - 1e-3
        self.assertFalse(noted(self.inspect(attention=P)))
        self.assertFalse(noted(self.inspect(attention=np.broadcast_to(np.eye(N), P.shape))))


if __name__ == "__main__":
    unittest.main()
