#!/usr/bin/env python3
"""What may not change a number of verify.csv, and what must: threads, memory, method, selection, trials, seeds, queries."""

import unittest

import numpy as np

from support.dumps import normals, random_attention, softmax, write_dump
from support.program import DONE, LIMIT, attnspec
from support.verify import Head, Verifications, each, number_in, pick

KEYS = ["claim", "reading", "construction", "columns", "epsilon", "k"]


class Bytes(Verifications):
    """The same dump, seed and trials give the same verify.csv."""

    OPTIONS = ["--k", "4,9", "--epsilon", "0.5", "--trials", "21"]

    def setUp(self):
        super().setUp()
        shape = (1, 3, 15, 20)                        # 45 heads: more than are ever tried together
        self.dump = write_dump(self.path("a.h5"), query=normals(1, *shape, 6), key=normals(2, *shape, 6), value=normals(3, *shape, 4), scale=0.5)
        self.wanted = self.csv("--threads", "1")

    def csv(self, *more):
        return self.verify(self.dump, *self.OPTIONS, *more).bytes_of("verify.csv")

    def least_memory(self):
        """Bytes just enough for one head at a time, by trying: with fewer it refuses, and with these it has no room for two."""
        too_little, enough = 1 << 10, 1 << 30
        while enough - too_little > 1 << 10:
            middle = (too_little + enough) // 2
            outcome = attnspec("verify", self.dump, "-o", self.path("trial"), "--overwrite", "--figures", "none", "--quiet", *self.OPTIONS[:4],
                               "--threads", "2", "--trials", "1", "--max-memory", middle)
            self.assertIn(outcome.code, (DONE, LIMIT), outcome.stderr)
            too_little, enough = (middle, enough) if outcome.code == LIMIT else (too_little, middle)
        return enough

    def test_threads_change_no_byte(self):
        for threads in ("2", "3", "8"):
            self.assertEqual(self.csv("--threads", threads), self.wanted, threads)

    def test_memory_that_splits_the_heads_changes_no_byte(self):
        least = self.least_memory()
        for memory in (least, least + 50_000, least + 200_000, "4G"):
            self.assertEqual(self.csv("--threads", "2", "--max-memory", memory), self.wanted, memory)

    def test_methods_that_differ_only_in_the_spectrum_change_no_byte(self):
        for method in ("gram", "direct"):
            self.assertEqual(self.csv("--method", method), self.wanted, method)

    def test_environment_variables_of_blas_change_no_byte(self):
        for variables in ({"OPENBLAS_NUM_THREADS": "4"}, {"OMP_NUM_THREADS": "3"}):
            found = self.verify(self.dump, *self.OPTIONS, variables=variables).bytes_of("verify.csv")
            self.assertEqual(found, self.wanted, variables)

    def test_every_width_of_vectors_counts_the_same_and_errs_the_same_to_rounding(self):
        # Where the CPU lacks a width, the next narrower one is taken.
        tables = {width: self.verify(self.dump, *self.OPTIONS, variables={"ATTNSPEC_VECTORS": width}).table
                  for width in ("portable", "avx2", "avx512")}
        for width in ("portable", "avx2"):
            for column in ("failures", "row_failure_rate", "verdict"):
                self.assertTrue(tables[width][column].equals(tables["avx512"][column]), (width, column))
            ratio = (tables[width].rms_relative_error / tables["avx512"].rms_relative_error).dropna()
            self.assertGreater(len(ratio), 100)
            self.assertLess((ratio - 1).abs().max(), 1e-11, width)

    def test_another_seed_changes_what_is_measured_and_nothing_that_is_exact(self):
        table, other = self.verify(self.dump, *self.OPTIONS).table, self.verify(self.dump, *self.OPTIONS, "--seed", "1").table

        for column in ("claimed_bound", "zero_failure_rate", "rms_predicted", "rho"):
            known = table["columns"] != "gaussian"               # these columns are drawn too
            self.assert_close(other[column][known], table[column][known])
        random = table.construction.isin(("paper", "gaussian")) & table.rms_relative_error.notna()
        self.assertGreater(random.sum(), 100)
        self.assertFalse((table.rms_relative_error == other.rms_relative_error)[random].any())

    def test_heads_and_layers_that_are_chosen_have_the_rows_of_the_whole(self):
        lines = self.wanted.decode().splitlines()
        names = lines[0].split(",")
        layer, head = names.index("layer"), names.index("head")
        part = self.csv("--layers", "0,2", "--heads", "3-5,14").decode().splitlines()

        kept = [line for line in lines[1:] if line.split(",")[layer] in ("0", "2") and line.split(",")[head] in ("3", "4", "5", "14")]
        self.assertEqual(part, [lines[0], *kept])
        self.assertLess(len(part), len(lines) / 4)

    def test_one_claim_has_the_rows_of_the_whole(self):
        for claim in ("lemma1", "theorem1", "theorem2"):
            lines = [line for line in self.wanted.decode().splitlines()[1:] if f",{claim}," in line]
            self.assertEqual(self.csv("--claim", claim).decode().splitlines()[1:], lines, claim)


class Trials(Verifications):
    def test_the_first_trials_of_many_are_those_of_few(self):
        A, V = normals(1, 30, 30), normals(2, 30, 4)
        one, k, epsilon = Head(softmax(A), V, np.log(softmax(A))), 8, 0.5
        dump = write_dump(self.path("a.h5"), one.P[None, None, None], value=V[None, None, None])
        tables = {trials: self.verify(dump, "--claim", "theorem1,theorem2", "--k", k, "--epsilon", epsilon, "--trials", trials).table.set_index(KEYS)
                  for trials in (1, 8, 10, 100)}
        for construction, form, reading in (("paper", "linear", "relative"), ("paper", "linear", "rowwise"), ("gaussian", "softmax", "softmax-row-spectral"),
                                            ("gaussian", "exp", "exp-all-frobenius")):
            errors = one.random_errors(construction, form, k, 0, range(100))
            claim = "theorem1" if form == "linear" else "theorem2"
            rows = {trials: table.loc[(claim, reading, construction, "value", epsilon, k)] for trials, table in tables.items()}
            for few, many in ((1, 8), (8, 10), (10, 100)):
                rest = one.measure(reading, errors[few:many], epsilon)
                self.assertEqual(rows[many].failures - rows[few].failures, rest.failures[0], rows[many])
                self.assertEqual(rest.failures[0], rest.failures[1])
                if not np.isnan(rows[few].rms_relative_error):
                    squares = many * rows[many].rms_relative_error ** 2 - few * rows[few].rms_relative_error ** 2
                    self.assert_close(squares, (many - few) * rest.rms ** 2)

    def test_one_trial_has_no_standard_error(self):
        table = self.verify(write_dump(self.path("a.h5"), random_attention(1, 1, 1, 1, 12, 12)), "--trials", "1").table

        self.assertTrue(pick(table, construction=["paper", "gaussian"]).row_failure_se.isna().all())


class Queries(Verifications):
    """As delta goes to zero the query is not in the output of the paper's construction."""

    N, D, TRIALS = 128, 6, 60

    def setUp(self):
        super().setUp()
        self.Q, self.K, self.V = normals(1, self.N, 5, sd=0.8), normals(2, self.N, 5, sd=0.8), normals(3, self.N, self.D) + 0.3
        self.K[:, 0] = 1

    def table(self, Q, delta="2^-n"):
        tensors = {name: tensor[None, None, None] for name, tensor in (("query", Q), ("key", self.K), ("value", self.V))}
        table = self.verify(write_dump(self.path("a.h5"), scale=0.4, **tensors), "--claim", "theorem2", "--construction", "paper,gaussian", "--k", "8",
                            "--epsilon", "0.3,0.9", "--trials", self.TRIALS, "--delta", delta).table
        return table.set_index(["reading", "construction", "epsilon"])

    def test_permuted_queries_permute_the_answer(self):
        order = np.random.default_rng(4).permutation(self.N)
        before, after = self.table(self.Q), self.table(self.Q[order])
        for name in before.index:
            a, b = before.loc[name], after.loc[name]
            self.assertEqual((a.failures, a.claimed_bound), (b.failures, b.claimed_bound), name)
            for column in ("row_failure_rate", "rms_relative_error", "rms_predicted", "exact_rate"):
                self.assert_close(b[column], a[column], rtol=1e-9)
            if "-row-" in name[0]:
                self.assertEqual(number_in(a.tested, "row"), order[number_in(b.tested, "row")])

    def test_queries_that_differ_and_make_the_same_attention_change_gaussian_and_not_paper(self):
        # The keys' first component is 1: the queries' moves a row's logits by a constant, of which softmax knows nothing.
        moved = self.Q + np.outer(normals(5, self.N, sd=4.0), [1, 0, 0, 0, 0])
        np.testing.assert_allclose(softmax(0.4 * moved @ self.K.T), softmax(0.4 * self.Q @ self.K.T), rtol=1e-10)
        before, after = self.table(self.Q), self.table(moved)

        for name in before.index:
            a, b = before.loc[name], after.loc[name]
            if name[0].startswith("softmax"):
                same = abs(a.rms_relative_error / b.rms_relative_error - 1) < 1e-9
                self.assertEqual(same, name[1] == "paper", name)
                if name[1] == "paper":
                    self.assertEqual((a.failures, a.tested), (b.failures, b.tested))
                    self.assert_close((b.exact_rate, b.row_failure_rate), (a.exact_rate, a.row_failure_rate), rtol=1e-8)
        # A delta that moves the weights sees the query again.
        before, after = self.table(self.Q, "0.5"), self.table(moved, "0.5")
        name = ("softmax-all-spectral", "paper", 0.3)
        self.assertGreater(abs(before.loc[name].rms_relative_error / after.loc[name].rms_relative_error - 1), 1e-4)


if __name__ == "__main__":
    unittest.main()
