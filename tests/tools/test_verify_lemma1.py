#!/usr/bin/env python3
"""Lemma 1 in verify.csv: failures against numpy's projections of the tested vectors, exact rates against scipy."""

import itertools
import unittest

import numpy as np
from scipy import stats

from support.dumps import normals, random_attention, write_dump
from support.verify import (Measured, Verifications, clopper_pearson, each, gaussian_columns, inner_product_rate, lemma1_bound, norm_rate,
                            number_in, pick, projection)

N, D, SEED, TRIALS = 40, 3, 5, 12
KS, EPSILONS = (4, 64), (0.2, 0.6)
OPTIONS = ["--claim", "lemma1", "--k", "4,64", "--epsilon", "0.2,0.6", "--trials", str(TRIALS), "--seed", str(SEED)]


def rows_of(P):
    """The rows of P that are tested: up to sixteen, evenly spaced. Their numbers and vectors."""
    count = min(16, len(P))
    numbers = [r * len(P) // count for r in range(count)]
    return numbers, P[numbers]


def vectors_of(P, V=None, seed=SEED):
    """Kind to vectors, one a row; the first kind is what the others are paired with."""
    kinds = {"attention": rows_of(P)[1]}
    if V is not None:
        kinds["value"] = V.T
    return {**kinds, "gaussian": gaussian_columns(P.shape[1], seed).T, "ones": np.ones((1, P.shape[1]))}


def lengths(vectors):
    return np.linalg.norm(vectors, axis=1)


class Lemma1(Verifications):
    def assert_norms(self, row, X, numbers, R):
        squares = lengths(X) ** 2
        ratios = np.stack([lengths(X @ one.T) / np.sqrt(squares) for one in R]) / (1 + row.epsilon)
        self.measured_values(row, Measured.of(ratios, tested=0))
        self.assert_close(row.claimed_bound, lemma1_bound(row.k, row.epsilon), row)
        self.assert_close(row.exact_rate, norm_rate(row.k, row.epsilon), row, atol=1e-300)
        self.assertEqual(row.tested, f"row {numbers[0]}" if row["columns"] == "attention" else f"{row['columns']} column 0")

    def assert_pairs(self, row, X, Y, numbers, R):
        products, sizes = X @ Y.T, np.outer(lengths(X), lengths(Y))
        cosines = products / sizes
        relative = row.reading == "inner-relative"
        limits = row.epsilon * (np.abs(products) if relative else sizes)
        ratios = np.stack([np.abs((X @ one.T) @ (Y @ one.T).T - products) / limits for one in R])
        cell = (numbers.index(number_in(row.tested, "row")), number_in(row.tested, "column"))
        deciding = np.abs(cosines).min() if relative else np.abs(cosines).max()
        # Which pair it is, is known up to rounding only where cosines tie.
        self.assert_close(abs(cosines[cell]), deciding, row, atol=1e-13)
        self.measured_values(row, Measured.of(ratios.reshape(len(R), -1), tested=cell[0] * len(Y) + cell[1]))
        self.assert_close(row.claimed_bound, 2 * lemma1_bound(row.k, row.epsilon), row)
        tolerance = row.epsilon * (abs(cosines[cell]) if relative else 1)
        self.assert_close(row.exact_rate, inner_product_rate(row.k, cosines[cell], tolerance), row, rtol=1e-6, atol=1e-11)

    def assert_head(self, table, P, V=None, kinds=None):
        numbers, rows = rows_of(P)
        vectors = {kind: X for kind, X in vectors_of(P, V).items() if kinds is None or kind in ("attention", *kinds)}
        found = {(row.reading, row["columns"]) for row in each(table)}
        pairs = itertools.product(("inner-relative", "inner-product"), set(vectors) - {"attention"})
        self.assertEqual(found, {("norm", kind) for kind in vectors} | set(pairs))
        self.assertEqual(len(table), len(found) * len(KS) * len(EPSILONS))
        R = {k: [projection(k, P.shape[1], SEED, trial) for trial in range(TRIALS)] for k in KS}
        for row in each(table):
            X = vectors[row["columns"]]
            self.assertEqual((row.construction, row.n, row.d), ("paper", P.shape[1], len(X)))
            if row.reading == "norm":
                self.assert_norms(row, X, numbers, R[row.k])
            else:
                self.assert_pairs(row, rows, X, numbers, R[row.k])

    def test_every_vector_and_pair_of_a_head_with_values(self):
        P, V = random_attention(1, 1, 2, 2, N, N), normals(2, 1, 2, 2, N, D)
        table = self.verify(write_dump(self.path("a.h5"), P, value=V), *OPTIONS).table

        for layer, head in np.ndindex(2, 2):
            self.assert_head(pick(table, layer=layer, head=head), P[0, layer, head], V[0, layer, head])

    def test_every_vector_and_pair_of_a_head_without_values(self):
        P = random_attention(3, 1, 1, 2, N, N)
        table = self.verify(write_dump(self.path("a.h5"), P), *OPTIONS).table

        for head in range(2):
            self.assert_head(pick(table, head=head), P[0, 0, head])

    def test_columns_chooses_the_kinds(self):
        P, V = random_attention(4, 1, 1, 1, 9, 9), normals(5, 1, 1, 1, 9, D)        # fewer than sixteen rows
        for kinds in (["value"], ["gaussian"], ["ones"], ["value", "ones"]):
            table = self.verify(write_dump(self.path("a.h5"), P, value=V), *OPTIONS, "--columns", ",".join(kinds)).table
            self.assert_head(table, P[0, 0, 0], V[0, 0, 0], kinds)

    def test_rectangular_attention_has_vectors_as_long_as_there_are_keys(self):
        P = random_attention(6, 1, 1, 1, 18, 31)
        dump = write_dump(self.path("a.h5"), P, mask_kind="cross", stack="cross")

        self.assert_head(self.verify(dump, *OPTIONS).table, P[0, 0, 0])

    def test_a_vector_of_zeros_is_never_tested(self):
        P, V = random_attention(7, 1, 1, 1, N, N), normals(8, 1, 1, 1, N, D)
        V[..., 0] = 0
        table = self.verify(write_dump(self.path("a.h5"), P, value=V), *OPTIONS, "--columns", "value").table
        numbers, rows = rows_of(P[0, 0, 0])
        rest = V[0, 0, 0].T[1:]

        R = {k: [projection(k, N, SEED, trial) for trial in range(TRIALS)] for k in KS}
        for row in each(pick(table, columns="value")):
            if row.reading == "norm":
                self.assertEqual(row.tested, "value column 1")
                self.assert_norms(row.replace("value column 1", "value column 0"), rest, numbers, R[row.k])
            else:
                self.assert_pairs(row.replace(row.tested, f"row {number_in(row.tested, 'row')}, column {number_in(row.tested, 'column') - 1}"),
                                  rows, rest, numbers, R[row.k])

    def test_values_that_are_all_zero_have_no_rows_and_stop_nothing(self):
        dump = write_dump(self.path("a.h5"), random_attention(7, 1, 1, 1, N, N), value=np.zeros((1, 1, 1, N, D)))

        self.assertEqual(set(self.verify(dump, *OPTIONS, "--columns", "value").table["columns"]), {"attention"})

    def test_the_values_of_the_paper_are_those_of_the_formulas(self):
        """Two numbers that anyone can look up: eps .5, k 256, cosine .1 fails .425 as printed; |Rx| is a chi-square."""
        x, y = np.zeros(N), np.zeros(N)
        x[0], y[0], y[1] = 1, 0.1, np.sqrt(1 - 0.01)
        P = np.tile(x, (1, 1, 1, N, 1))
        dump = write_dump(self.path("a.h5"), P, value=y[None, None, None, :, None])
        table = self.verify(dump, "--claim", "lemma1", "--k", "256", "--epsilon", "0.5", "--trials", "8", "--columns", "value").table

        self.assertAlmostEqual(pick(table, reading="inner-relative").exact_rate.item(), 0.425, delta=5e-4)
        self.assertAlmostEqual(pick(table, reading="inner-relative").claimed_bound.item(), 6.7e-4, delta=5e-6)


class Statistics(Verifications):
    """Seeds are fixed, so these either pass or fail for good; the probabilities are for whoever changes the seeds."""

    SEEDS, T = 100, 60

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.attention = random_attention(9, 1, 1, 1, 16, 16)

    def rows_of_all_seeds(self, confidence):
        """Rows at k = 8, epsilon = .3: one R a trial, so rows of one seed depend on each other and those of two do not."""
        dump = write_dump(self.path("a.h5"), self.attention)
        for seed in range(self.SEEDS):
            table = self.verify(dump, "--claim", "lemma1", "--k", "8", "--epsilon", "0.3", "--trials", self.T, "--columns", "ones",
                                "--seed", seed, "--confidence", confidence).table
            yield table.set_index(["reading", "columns"])

    def test_intervals_hold_the_exact_rate_as_often_as_they_promise(self):
        confidence = 0.8
        questions = [("norm", "attention"), ("inner-relative", "ones"), ("inner-product", "ones")]
        failures, missed, exact = ({question: 0 for question in questions} for _ in range(3))
        for table in self.rows_of_all_seeds(confidence):
            for question in questions:
                row = table.loc[question]
                failures[question] += row.failures
                missed[question] += not row.ci_low <= row.exact_rate <= row.ci_high
                exact[question] = row.exact_rate
                self.assert_close((row.ci_low, row.ci_high), clopper_pearson(row.failures, row.trials, confidence), row)
        for question in questions:
            with self.subTest(question=question):
                self.assertTrue(0.05 < exact[question] < 0.95, exact)
                # A right program fails each of these with probability 1e-6 at most.
                total = self.SEEDS * self.T
                self.assertGreater(min(stats.binom.cdf(failures[question], total, exact[question]),
                                       stats.binom.sf(failures[question] - 1, total, exact[question])), 5e-7)
                self.assertLessEqual(missed[question], stats.binom.isf(1e-6, self.SEEDS, 1 - confidence))
                # And intervals are not so wide as to promise nothing: Clopper-Pearson's keep .8 to .93 here.
                self.assertGreater(missed[question], 0)


if __name__ == "__main__":
    unittest.main()
