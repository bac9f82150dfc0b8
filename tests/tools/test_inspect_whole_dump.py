#!/usr/bin/env python3
"""What `attnspec inspect` says of a whole dump: faults of several kinds, equal layers, no end, P beside its Q and K."""
# Golden: tests/tools/golden/inspect_whole_dump.txt, made by:
# ATTNSPEC_WRITE_GOLDEN=1 /usr/bin/python3 tests/tools/test_inspect_whole_dump.py

import unittest

import numpy as np

from support import findings
from support.dumps import normals, random_attention, softmax
from support.findings import BAD, H, L, N, S, after_query, attention, before_window
from support.program import DONE, Golden


class Inspected(findings.Inspected):
    golden = Golden("inspect_whole_dump.txt")


class WholeDump(Inspected):
    def test_a_dump_of_several_faults_has_a_row_a_kind(self):
        P = attention()
        P[0, 0, 0] = normals(4, N, N, sd=3)
        P[0, :, 1, 5, 6] = np.nan
        P[1, :, 1:, 7, 8] = np.nan
        P[0, 0, 2, 4] *= 1.01

        seen = self.inspect(attention=P, complete=np.int8(0))

        self.assert_said("several faults", seen, {"logits": 1, "not_finite": 6}, {"row_sum": 1, "unfinished": 1})
        self.assertEqual([finding["kind"] for finding in seen["findings"]].count("not_finite"), 3)
        self.assertTrue(all(len(line) <= 100 for line in self.report.stdout.partition("\n\n")[2].splitlines()),
                        self.report.stdout)

    def test_two_equal_layers_are_named(self):
        P = random_attention(2, S, 4, H, N, N)
        P[:, 3] = P[:, 1]

        seen = self.inspect(attention=P)

        self.assert_said("a layer dumped twice", seen, warnings={"duplicate_layer": S * H})
        finding = seen["findings"][0]
        self.assertEqual((finding["place"], finding["sample"], finding["seen"]), ("layers 1 and 3", None, None))

    def test_layers_that_differ_in_one_bit_are_not_equal(self):
        P = attention()
        P[:, 1] = P[:, 0]
        P[1, 1, 2, 5, 7] = np.nextafter(P[1, 1, 2, 5, 7], 1)

        self.assertEqual(self.inspect(attention=P)["warnings"], {})

    def test_layers_that_are_all_uniform_or_identity_or_bad_are_not_called_copies(self):
        causal = ~after_query() / np.arange(1, N + 1)[:, None]
        for case, matrix in (("uniform", np.full((N, N), 1 / N)), ("identity", np.eye(N)), ("causal uniform", causal),
                             ("NaN", np.full((N, N), np.nan))):
            with self.subTest(case=case):
                self.assertNotIn("duplicate_layer",
                                 self.inspect(attention=np.broadcast_to(matrix, (S, L, H, N, N)))["warnings"])

    def test_an_unfinished_dump_is_a_warning(self):
        seen = self.inspect(attention=attention(), complete=np.int8(0))

        self.assert_said("unfinished", seen, warnings={"unfinished": 1})

    def test_a_sound_dump_has_no_table(self):
        seen = self.inspect(attention=attention())

        self.assertEqual((seen["code"], seen["findings"], seen["measured_qk_residual"]), (DONE, [], None))
        self.assertNotIn("finding", self.report.stdout)
        np.testing.assert_allclose([seen["entries"]["least"], seen["entries"]["greatest"]],
                                   [attention().min(), attention().max()], rtol=1e-15)


class QueriesAndKeys(Inspected):
    D = 16

    def contents(self, hidden=None):
        query, key = normals(8, S, L, H, N, self.D), normals(9, S, L, 1, N, self.D)
        logits = 0.25 * query @ np.swapaxes(key, -1, -2)
        if hidden is not None:
            logits[..., hidden] = -np.inf
        return dict(attention=softmax(logits), query=query, key=key, scale=0.25, n_kv_heads=1)

    def assert_residual(self, contents, seen, exact):
        measured = seen["measured_qk_residual"]
        differs = np.abs(contents["attention"].astype(float) - exact)
        np.testing.assert_allclose(measured["largest"], differs.max(), rtol=1e-6, atol=1e-14)
        if differs.max() > 1e-12:
            at = tuple(measured[name] for name in ("sample", "layer", "head", "row", "column"))
            self.assertEqual(at, np.unravel_index(differs.argmax(), differs.shape))

    def test_the_largest_difference_is_measured_and_placed(self):
        for hidden, mask in ((None, "bidirectional"), (after_query(), "causal"),
                             (after_query() | before_window(8), "sliding:8")):
            for dtype in ("f8", "f4", "f2"):
                with self.subTest(mask=mask, dtype=dtype):
                    contents = self.contents(hidden)
                    exact = contents["attention"]
                    contents["attention"] = exact.astype(dtype)
                    seen = self.inspect(**contents, mask_kind=mask, qk_residual=np.full(L, 0.25))

                    self.assertEqual((seen["refused"], seen["warnings"]), ({}, {}))
                    self.assert_residual(contents, seen, exact)
                    self.assertEqual(seen["qk_residual"], 0.25)
                    self.assertRegex(self.report.stdout, r"P and QK +differ by at most \S+ \(sample .*\), "
                                                         r"as measured here; 0.25, as the writer measured")

    def test_a_head_whose_p_is_not_what_q_and_k_give_is_a_warning(self):
        contents = self.contents()
        exact = contents["attention"].copy()
        contents["attention"][BAD] = np.roll(exact[BAD], 1, axis=-1)

        seen = self.inspect(**contents)

        self.assert_said("P that is not what Q and K give", seen, warnings={"qk_residual": 1})
        self.assert_residual(contents, seen, exact)
        self.assertEqual(tuple(seen["findings"][0][name] for name in ("sample", "layer", "head")), BAD)

    def test_the_tolerance_is_that_of_the_storage(self):
        for dtype, tolerance in (("f2", 1e-2), ("f4", 1e-4)):
            for factor, warnings in ((0.9, {}), (1.1, {"qk_residual": 1})):
                with self.subTest(dtype=dtype, factor=factor):
                    contents = self.contents()
                    contents["attention"][BAD][3, :2] += np.array([-1, 1]) * factor * tolerance * np.sign(
                        contents["attention"][BAD][3, 0] - contents["attention"][BAD][3, 1])
                    contents["attention"] = contents["attention"].astype(dtype)
                    self.assertEqual(self.inspect(**contents)["warnings"], warnings)

    def test_refused_matrices_and_dumps_that_say_that_q_and_k_are_not_p_are_not_compared(self):
        contents = self.contents()
        contents["attention"][BAD] = np.nan
        seen = self.inspect(**contents)
        self.assertEqual((seen["refused"], seen["warnings"]), ({"not_finite": 1}, {}))
        self.assertLess(seen["measured_qk_residual"]["largest"], 1e-12)

        contents = self.contents()
        contents["attention"][0] = contents["attention"][1]
        seen = self.inspect(**contents, qk_gives_attention=np.int8(0))
        self.assertEqual((seen["warnings"], seen["measured_qk_residual"]), ({}, None))

    def test_quick_compares_the_first_and_the_last_sample(self):
        query, key = normals(8, 4, 1, 2, N, self.D), normals(9, 4, 1, 2, N, self.D)
        P = softmax(0.25 * query @ np.swapaxes(key, -1, -2))
        P[1], P[3, 0, 1] = np.roll(P[1], 1, axis=-1), np.roll(P[3, 0, 1], 1, axis=-1)
        contents = dict(attention=P, query=query, key=key, scale=0.25)

        self.assertEqual(self.inspect(**contents)["warnings"], {"qk_residual": 3})
        self.assertEqual(self.inspect("--quick", **contents)["warnings"], {"qk_residual": 1})


if __name__ == "__main__":
    unittest.main()
