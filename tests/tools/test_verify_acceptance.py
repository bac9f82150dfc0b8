#!/usr/bin/env python3
"""Numbers that are known before verify is run: closed forms, and those of the real heads in sample_data/minilm-512.h5."""

import functools
import unittest

import h5py
import numpy as np

from support.dumps import softmax, write_dump
from support.program import ROOT
from support.verify import Head, Verifications, each, gaussian_columns, pick, theorem1_bound

MINILM = str(ROOT / "sample_data" / "minilm-512.h5")
N, K = 512, 250
# Seeds are fixed. With other ones a head's measured RMS has a standard error of at most .4 % here (numpy, 400 trials),
# so that 3 % are more than seven of them: less than one chance in 1e11 a head.
WITHIN = 0.03
REAL_HEADS = ((0, 4), (1, 6), (2, 11))


@functools.lru_cache(maxsize=None)
def minilm():
    """Numpy's head by (layer, head), of the first sample."""
    with h5py.File(MINILM) as file:
        query, key, value = (file[name][0].astype(float) for name in ("query", "key", "value"))
        scale = float(file.attrs["scale"])
    heads = {}
    for place in np.ndindex(query.shape[:2]):
        A = scale * query[place] @ key[place].T
        heads[place] = Head(softmax(A), value[place], A)
    return heads


class Acceptance(Verifications):
    def theorem1(self, dump, trials, *options):
        return self.verify(dump, "--claim", "theorem1", "--construction", "paper", "--k", K, "--epsilon", "0.5", "--trials", trials, *options).table


class Projections(Acceptance):
    """Measured over predicted root mean square: what shows a projection that is scaled wrongly, where no verdict does."""

    def assert_within(self, table):
        for row in each(pick(table, reading="relative")):
            self.assertLess(abs(row.rms_relative_error / row.rms_predicted - 1), WITHIN, row)

    def test_the_identity_errs_by_1_432_and_is_violated(self):
        row, = each(pick(self.theorem1(write_dump(self.path("a.h5"), np.eye(N)[None, None, None]), 64, "--columns", "gaussian"), reading="relative"))

        self.assertAlmostEqual(row.rms_predicted, 1.432, delta=2e-3)      # 1.4325: rho is sqrt(512)
        self.assert_close(row.rms_predicted, np.sqrt((1 + N) / K), row)
        self.assertLess(abs(row.rms_relative_error / row.rms_predicted - 1), WITHIN)
        self.assert_close(row.claimed_bound, theorem1_bound(N, K, 0.5), row)
        self.assertLess(row.claimed_bound, 0.42)
        self.assertEqual((row.failure_rate, row.verdict), (1, "violated"))

    def test_uniform_attention_on_constant_columns_errs_by_0894(self):
        row, = each(pick(self.theorem1(write_dump(self.path("a.h5"), np.full((1, 1, 1, N, N), 1 / N)), 1000, "--columns", "ones"), reading="relative"))

        self.assertAlmostEqual(row.rms_predicted, 0.0894, delta=5e-5)
        self.assert_close(row.rho, 1, row)
        # One chi-square a trial: a standard error of 2.2 %, five of which are 11 %: less than one chance in a million.
        self.assertLess(abs(row.rms_relative_error / row.rms_predicted - 1), 0.11)

    def test_real_heads_err_as_predicted(self):
        for layer, head in REAL_HEADS:
            with self.subTest(layer=layer, head=head):
                self.assert_within(self.theorem1(MINILM, 400, "--layers", layer, "--heads", head))

    def test_a_projection_that_is_scaled_wrongly_would_be_seen(self):
        """The same comparison on numpy's R, right and wrong: a standard deviation of 1/k, and one that is 3 % too large."""
        heads = {"the identity": Head(np.eye(N), gaussian_columns(N, 0)), **{place: minilm()[place] for place in REAL_HEADS}}
        for name, one in heads.items():
            predicted = np.sqrt((1 + one.rho ** 2) / K)
            for scale, seen in ((1, False), (1 / np.sqrt(K), True), (1.03, True)):
                with self.subTest(head=name, scale=scale):
                    errors = one.random_errors("paper", "linear", K, 0, range(12), scale=scale)
                    rms = np.sqrt(np.mean(np.sum(errors ** 2, (1, 2)))) / np.linalg.norm(one.target)
                    self.assertEqual(abs(rms / predicted - 1) > WITHIN, seen, f"{rms} / {predicted}")


class RealHeads(Acceptance):
    def test_the_prediction_of_every_head_is_that_of_its_cancellation(self):
        table = pick(self.theorem1(MINILM, 1), reading="relative").set_index(["layer", "head"])
        predicted = table.rms_predicted

        self.assertEqual(len(predicted), 72)
        self.assertEqual([round(x, 2) for x in (predicted.min(), predicted.median(), predicted.max())], [0.21, 0.76, 1.61])
        for place, one in minilm().items():
            self.assert_close(table.loc[place].rho, one.rho, rtol=1e-8)
            self.assert_close(predicted[place], np.sqrt((1 + one.rho ** 2) / K), rtol=1e-8)

    def test_answering_zero_misses_as_many_rows_as_in_numpy(self):
        table = self.verify(MINILM, "--claim", "theorem2", "--construction", "zero", "--k", "8", "--epsilon", "0.1,0.5", "--trials", "1").table
        for norm in ("frobenius", "spectral"):
            rows = pick(table, reading=f"softmax-row-{norm}").set_index(["layer", "head", "epsilon"])
            shares = []
            for place, one in minilm().items():
                for epsilon in (0.1, 0.5):
                    measured = one.measure(f"softmax-row-{norm}", one.baseline_error("zero", 8), epsilon)
                    row = rows.loc[(*place, epsilon)]
                    self.assert_close(row.row_failure_rate, measured.shares[0], row, rtol=1e-12)
                    self.assertEqual(row.failure_rate, measured.failures[0], row)
                    self.assert_close(row.rms_relative_error, 1, row)
                    shares.append((epsilon, row.row_failure_rate))
            self.assertEqual(len(shares), 144)
            self.assertGreater(max(share for epsilon, share in shares if epsilon == 0.1), 0.9, "nothing to see")
        # |softmax(w)| |V| is so large that zero satisfies eq. (8) on every row of most heads; counted by numpy.
        for norm, heads in (("frobenius", 70), ("spectral", 29)):
            at_half = pick(table, reading=f"softmax-row-{norm}", epsilon=0.5)
            self.assertEqual((at_half.row_failure_rate == 0).sum(), heads)


if __name__ == "__main__":
    unittest.main()
