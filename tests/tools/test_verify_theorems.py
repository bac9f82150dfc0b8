#!/usr/bin/env python3
"""Theorems 1 and 2 in verify.csv: every count, rate and error against numpy's own projections, trial by trial."""

import unittest

import numpy as np
from scipy import stats

from support.dumps import normals, softmax, write_dump
from support.verify import (BASELINES, Head, Verifications, clopper_pearson, each, gaussian_columns, inner_product_rate, pick,
                            theorem1_bound, theorem2_bound)

LAYERS, HEADS, N, D, SEED, TRIALS = 2, 2, 24, 5, 11, 12
KS, EPSILONS = (4, 16), (0.3, 0.5, 0.9)
OPTIONS = ["--k", "4,16", "--epsilon", "0.3,0.5,0.9", "--trials", str(TRIALS), "--seed", str(SEED)]
READINGS = [f"{form}-{over}-{norm}" for form in ("exp", "softmax") for over in ("row", "all") for norm in ("frobenius", "spectral")]
SMALL_DELTA = 2.0 ** -N


class Theorems(Verifications):
    """`heads` maps (layer, head, columns) to numpy's Head, for one sample."""

    def setUp(self):
        super().setUp()
        shape = (1, LAYERS, HEADS, N, 6)
        self.Q, self.K, self.V = normals(1, *shape, sd=1.2), normals(2, *shape, sd=1.2), normals(3, 1, LAYERS, HEADS, N, D) + 0.3
        self.scale = 6 ** -0.5
        self.A = self.scale * self.Q @ self.K.swapaxes(-1, -2)
        self.P = softmax(self.A)

    def from_values(self):
        return {(layer, head, "value"): Head(self.P[0, layer, head], self.V[0, layer, head], self.A[0, layer, head])
                for layer, head in np.ndindex(LAYERS, HEADS)}

    def from_attention_alone(self):
        columns = {"gaussian": gaussian_columns(N, SEED), "ones": np.ones((N, 1))}
        return {(layer, head, kind): Head(self.P[0, layer, head], V, np.log(self.P[0, layer, head]))
                for layer, head in np.ndindex(LAYERS, HEADS) for kind, V in columns.items()}

    def assert_theorem1(self, table, heads):
        for (layer, head, kind), one in heads.items():
            rows = pick(table, claim="theorem1", layer=layer, head=head, columns=kind, construction="paper")
            for k in KS:
                errors = one.random_errors("paper", "linear", k, SEED, range(TRIALS))
                for epsilon in EPSILONS:
                    for reading in ("relative", "rowwise"):
                        row, = each(pick(rows, k=k, epsilon=epsilon, reading=reading))
                        measured = one.measure(reading, errors, epsilon)
                        self.measured_values(row, measured)
                        self.assert_close(row.rho, one.rho, row)
                        self.assert_close(row.claimed_bound, theorem1_bound(N, k, epsilon), row)
                        self.assertEqual((row.n, row.d, row.k_source), (N, one.V.shape[1], "given"))
                        self.assertEqual(row.zero_failure_rate, one.measure(reading, one.baseline_error("zero", k), epsilon).failures[0])
                        if reading == "relative":
                            self.assertEqual(row.tested, f"column {one.column}")
                            self.assert_close(row.rms_relative_error, measured.rms, row)
                            self.assert_close(row.rms_predicted, np.sqrt((1 + one.rho ** 2) / k), row)
                        else:
                            self.assertEqual(row.tested, f"any row, column {one.rowwise_column}")
                            self.assertTrue(np.isnan(row.rms_relative_error) and np.isnan(row.rms_predicted))

    def assert_theorem2(self, table, heads, construction, name, delta=None):
        for (layer, head, kind), one in heads.items():
            rows = pick(table, claim="theorem2", layer=layer, head=head, columns=kind, construction=construction)
            for k in KS:
                errors = {form: one.random_errors(construction, form, k, SEED, range(TRIALS), delta) for form in ("softmax", "exp")}
                for epsilon in EPSILONS:
                    for reading in READINGS:
                        row, = each(pick(rows, k=k, epsilon=epsilon, reading=reading))
                        measured = one.measure(reading, errors[reading.split("-")[0]], epsilon)
                        self.measured_values(row, measured)
                        self.assertEqual(row.norm, reading.split("-")[2])
                        self.assertEqual(row.tested, f"row {one.row}" if "-row-" in reading else "any row")
                        self.assert_close(row.claimed_bound, theorem2_bound(reading, N, one.V.shape[1], k, epsilon), row)
                        self.assertTrue(row.delta == name if construction == "paper" else row.isna().delta, row)
                        self.assertEqual(row.zero_failure_rate, one.measure(reading, one.baseline_error("zero", k), epsilon).failures[0])
                        if reading.startswith("softmax"):
                            self.assert_close(row.rms_relative_error, measured.rms, row)
                        else:
                            self.assertTrue(np.isnan(row.rms_relative_error))

    def assert_baselines(self, table, heads):
        for (layer, head, kind), one in heads.items():
            for construction in BASELINES:
                rows = pick(table, layer=layer, head=head, columns=kind, construction=construction)
                for k in KS:
                    error = one.baseline_error(construction, k)
                    for epsilon in EPSILONS:
                        found = pick(rows, k=k, epsilon=epsilon)
                        softmax_only = [reading for reading in READINGS if reading.startswith("softmax") or construction == "zero"]
                        self.assertEqual(sorted(found.reading), sorted(["relative", "rowwise", *softmax_only]))
                        for row in each(found):
                            measured = one.measure(row.reading, error, epsilon)
                            self.measured_values(row, measured, trials=TRIALS)
                            if row.reading == "relative" or row.reading.startswith("softmax"):
                                # Right singular vectors come from P^T P, which halves their digits.
                                self.assert_close(row.rms_relative_error, measured.rms, row, atol=1e-7 if construction == "svd" else 1e-13)


class Numbers(Theorems):
    def test_values_of_a_dump_of_queries_keys_and_values(self):
        dump = write_dump(self.path("a.h5"), query=self.Q, key=self.K, value=self.V, scale=self.scale)
        table = self.verify(dump, "--claim", "theorem1,theorem2", *OPTIONS).table

        self.assertEqual(set(table.logits.dropna()), {"qk"})
        self.assert_theorem1(table, self.from_values())
        self.assert_theorem2(table, self.from_values(), "paper", "2^-n", SMALL_DELTA)
        self.assert_theorem2(table, self.from_values(), "gaussian", "")
        self.assert_baselines(table, self.from_values())

    def test_attention_alone_is_tried_on_gaussian_and_ones_with_its_logarithm_for_logits(self):
        table = self.verify(write_dump(self.path("a.h5"), self.P), "--claim", "theorem1,theorem2", *OPTIONS).table

        self.assertEqual(set(table.logits.dropna()), {"log_p"})
        self.assertEqual(set(table["columns"]), {"gaussian", "ones"})
        self.assert_theorem1(table, self.from_attention_alone())
        self.assert_theorem2(table, self.from_attention_alone(), "paper", "2^-n", SMALL_DELTA)
        self.assert_theorem2(table, self.from_attention_alone(), "gaussian", "")
        self.assert_baselines(table, self.from_attention_alone())

    def test_attention_beside_queries_keys_and_values_takes_its_logits_from_them(self):
        dump = write_dump(self.path("a.h5"), self.P, query=self.Q, key=self.K, value=self.V, scale=self.scale)
        table = self.verify(dump, "--claim", "theorem2", *OPTIONS).table

        self.assertEqual(set(table.logits), {"qk"})
        self.assert_theorem2(table, self.from_values(), "paper", "2^-n", SMALL_DELTA)
        self.assert_theorem2(table, self.from_values(), "gaussian", "")

    def test_queries_and_keys_that_do_not_make_the_attention_are_not_its_logits(self):
        dump = write_dump(self.path("a.h5"), self.P, query=self.Q, key=self.K[:, :, ::-1].copy(), value=self.V, scale=self.scale)
        heads = {name: Head(one.P, one.V, np.log(one.P)) for name, one in self.from_values().items()}
        table = self.verify(dump, "--claim", "theorem2", *OPTIONS).table

        self.assertEqual(set(table.logits), {"log_p"})
        self.assert_theorem2(table, heads, "gaussian", "")

    def test_every_delta_is_the_one_that_was_asked_for(self):
        dump = write_dump(self.path("a.h5"), query=self.Q, key=self.K, value=self.V, scale=self.scale)
        for word, delta in (("1/n", 1 / N), ("0.5", 0.5), ("2", 2.0), ("0", 0.0)):
            with self.subTest(delta=word):
                table = self.verify(dump, "--claim", "theorem2", "--construction", "paper", "--delta", word, *OPTIONS).table
                self.assert_theorem2(table, self.from_values(), "paper", word, delta)

    def test_storage_in_half_precision_is_verified_as_it_is_stored(self):
        Q, K, V = (tensor.astype(np.float16) for tensor in (self.Q, self.K, self.V))
        self.Q, self.K, self.V = (tensor.astype(float) for tensor in (Q, K, V))
        self.A = self.scale * self.Q @ self.K.swapaxes(-1, -2)
        self.P = softmax(self.A)
        table = self.verify(write_dump(self.path("a.h5"), query=Q, key=K, value=V, scale=self.scale), *OPTIONS).table

        self.assert_theorem1(table, self.from_values())
        self.assert_theorem2(table, self.from_values(), "gaussian", "")

    def test_row_by_row_has_an_upper_bound_the_sum_of_the_laws_of_its_worst_row(self):
        dump = write_dump(self.path("a.h5"), self.P, value=self.V)
        table = self.verify(dump, "--claim", "theorem1", "--construction", "paper", "--k", "4,60,200", "--epsilon", "0.5,0.9", "--trials", "8").table
        for (layer, head, kind), one in self.from_values().items():
            for row in each(pick(table, layer=layer, head=head, reading="rowwise")):
                union = N * inner_product_rate(row.k, one.largest_cosine, row.epsilon)
                self.assert_close(row.exact_upper, min(1, union), row, rtol=1e-6, atol=1e-11)
        self.assertTrue(pick(table, reading="relative").exact_upper.isna().all())
        self.assertGreater(((table.exact_upper > 1e-6) & (table.exact_upper < 1)).sum(), 3, "nothing to see")

    def test_the_reference_method_counts_the_same(self):
        dump = write_dump(self.path("a.h5"), query=self.Q, key=self.K, value=self.V, scale=self.scale)
        table = self.verify(dump, "--method", "reference", *OPTIONS).table

        self.assert_theorem1(table, self.from_values())
        self.assert_theorem2(table, self.from_values(), "paper", "2^-n", SMALL_DELTA)
        self.assert_theorem2(table, self.from_values(), "gaussian", "")
        self.assert_baselines(table, self.from_values())


class ExactLaw(Theorems):
    """Theorem 2's own construction as delta goes to zero: every row of the output is s 1^T R V, a normal vector."""

    N = 96

    def one_head(self, V, path="a.h5", **changes):
        """Numpy's head and a dump of it from Q, K and V."""
        Q, K = normals(1, self.N, 6, sd=0.7), normals(2, self.N, 6, sd=0.7)
        A = Q @ K.T / 2
        return Head(softmax(A), V, A), write_dump(self.path(path), query=Q[None, None, None], key=K[None, None, None],
                                                  value=V[None, None, None], scale=0.5, **changes)

    def exact_rates(self, one, epsilon, k):
        """By reading, for a head whose V has orthogonal columns of one length."""
        length, target = np.linalg.norm(one.V[:, 0]), np.linalg.norm(one.target[one.row])
        rates = {}
        for form, s in (("softmax", 1 / k), ("exp", 1 / np.exp(one.A[one.row]).sum())):
            for norm, size in (("frobenius", np.linalg.norm(one.V)), ("spectral", length)):
                limit = epsilon * one.row_norms[one.row] * size
                rates[f"{form}-row-{norm}"] = stats.ncx2.sf((limit / (s * length)) ** 2, one.V.shape[1], (target / (s * length)) ** 2)
        return rates

    def assert_exact(self, one, dump, epsilon, k):
        rates = self.exact_rates(one, epsilon, k)
        table = self.verify(dump, "--claim", "theorem2", "--construction", "paper", "--k", k, "--epsilon", epsilon, "--trials", "400").table
        self.assertEqual(set(table.delta), {"2^-n"})
        for row in each(table):
            if "-all-" in row.reading:
                self.assertTrue(np.isnan(row.exact_rate), row)
                continue
            self.assert_close(row.exact_rate, rates[row.reading], row, rtol=1e-6, atol=1e-12)
            # The seed is fixed; with another one a row is wrong once in a million though all is right.
            low, high = clopper_pearson(row.failures, row.trials, 1 - 1e-6)
            self.assertTrue(low <= row.exact_rate <= high, row)
        return rates.values()

    def test_it_is_a_noncentral_chi_square_probability(self):
        for d in (1, 4):
            V = np.linalg.qr(normals(2, self.N, d) + 1)[0] * 2.5
            one, dump = self.one_head(V)
            bare = Head(one.P, V, np.log(one.P)), write_dump(self.path("b.h5"), one.P[None, None, None], value=V[None, None, None])
            seen = []
            for epsilon, k in ((0.9, 8), (0.9, 16), (0.5, 24)):
                with self.subTest(d=d, k=k):
                    seen += self.assert_exact(one, dump, epsilon, k)
                    self.assert_exact(*bare, epsilon, k)
            self.assertGreater(sum(0.01 < rate < 0.99 for rate in seen), 3, f"nothing to see: {seen}")

    def test_its_mean_square_is_the_closed_form(self):
        V, k, trials = normals(3, self.N, 6) + 0.5, 8, 600
        one, dump = self.one_head(V)
        table = self.verify(dump, "--claim", "theorem2", "--construction", "paper", "--k", k, "--trials", trials).table
        row = pick(table, reading="softmax-row-frobenius").iloc[0]
        squares = np.sum(one.random_errors("paper", "softmax", k, 0, range(trials)) ** 2, (1, 2)) / np.linalg.norm(one.target) ** 2

        self.assert_close(row.rms_predicted, np.sqrt(self.N * np.sum(V ** 2) / (k ** 2 * np.sum(one.target ** 2)) + 1), row)
        self.assert_close(row.rms_relative_error ** 2, squares.mean(), row)
        self.assertLess(abs(squares.mean() - row.rms_predicted ** 2), 5 * squares.std() / np.sqrt(trials))

    def test_a_delta_that_moves_the_weights_has_no_exact_law(self):
        _, dump = self.one_head(np.ones((self.N, 1)))
        for delta in ("0.01", "1/n"):
            table = self.verify(dump, "--claim", "theorem2", "--construction", "paper", "--k", "4", "--trials", "8", "--delta", delta).table
            self.assertTrue(table.exact_rate.isna().all())
            self.assertTrue(table.rms_predicted.isna().all())


if __name__ == "__main__":
    unittest.main()
