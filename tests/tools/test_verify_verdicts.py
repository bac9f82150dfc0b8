#!/usr/bin/env python3
"""Verdicts of verify.csv: each follows from the numbers beside it, and none calls true what answering zero achieves too."""

import unittest

import numpy as np

from support.dumps import normals, random_attention, softmax, write_dump
from support.program import DONE, ROOT, attnspec
from support.verify import Verifications, clopper_pearson, each, pick

CHECK_FAILED = 1
CONSISTENCY = 1 - 1e-9
VERDICTS = {"not-applicable", "vacuous", "violated", "trivially-true", "holds", "undecided"}


def known(value):
    return not np.isnan(value)


def ladder(row, confidence=0.95):
    """The verdict that the numbers of a row ask for, first rung that applies."""
    if row.reading == "as-quantified":
        return "trivially-true"
    if not known(row.claimed_bound):
        return "not-applicable"
    theorem, bound = row.claim != "lemma1", row.claimed_bound
    if bound >= 1 or (theorem and row.k >= row.n):
        return "vacuous"
    low, high = clopper_pearson(row.failures, row.trials, CONSISTENCY)
    if known(row.exact_rate) and row.construction == "paper" and not low <= row.exact_rate <= high:
        return "undecided"
    if known(row.exact_upper) and low > row.exact_upper:
        return "undecided"
    low, high = clopper_pearson(row.failures, row.trials, confidence)
    if known(row.exact_rate):
        violated, holds = row.exact_rate > bound, row.exact_rate <= bound
    else:
        holds = high <= bound or (known(row.exact_upper) and row.exact_upper <= bound)
        violated = low > bound and not holds
    if violated:
        return "violated"
    if theorem and row.zero_failure_rate <= bound:
        return "trivially-true"
    return "holds" if holds else "undecided"


class Verdicts(Verifications):
    def setUp(self):
        super().setUp()
        self.Q, self.K = normals(1, 1, 2, 3, 48, 6), normals(2, 1, 2, 3, 48, 6)
        self.V = normals(3, 1, 2, 3, 48, 4) + 0.4
        # Peaked and flat heads: cancellation from one to many.
        self.Q *= np.array([0.3, 1, 4])[None, None, :, None, None]
        self.dump = write_dump(self.path("a.h5"), query=self.Q, key=self.K, value=self.V, scale=0.4)

    def rich(self, *more):
        """k beyond n too, where bounds are below one."""
        return self.verify(self.dump, "--k", "8,47,48,200,700,2000", "--epsilon", "0.3,0.5,0.7", "--trials", "60", *more).table

    def automatic(self, *more):
        return self.verify(self.dump, "--trials", "60", *more).table


class Ladder(Verdicts):
    def assert_follows(self, table):
        for row in each(table):
            self.assertEqual(row.verdict, ladder(row), row)
            self.assertTrue(row.reason and row.reason == row.reason, row)
        return set(table.verdict)

    def test_the_verdict_of_every_row_follows_from_its_numbers(self):
        real = self.verify(ROOT / "sample_data" / "minilm-512.h5", "--layers", "0,4", "--heads", "0-2", "--k", "64,400,500", "--epsilon", "0.5,0.66",
                           "--trials", "40", "--claim", "theorem1,theorem2").table
        seen = set()
        for table in (self.rich(), self.automatic(), real):
            seen |= self.assert_follows(table)

        self.assertTrue({"vacuous", "violated", "trivially-true", "holds"} <= seen, seen)
        self.assertTrue(seen <= VERDICTS, seen)

    def test_nothing_holds_that_answering_zero_achieves(self):
        for table in (self.rich(), self.automatic()):
            theorems = pick(table, claim=["theorem1", "theorem2"])
            self.assertGreater((theorems.zero_failure_rate <= theorems.claimed_bound).sum(), 0, "nothing to see")
            self.assertEqual(len(pick(theorems[theorems.zero_failure_rate <= theorems.claimed_bound], verdict="holds")), 0)
            self.assertEqual(len(pick(theorems, verdict="holds", construction="zero")), 0)

    def test_what_claims_nothing_is_vacuous(self):
        for table in (self.rich(), self.automatic()):
            claims_nothing = (table.claimed_bound >= 1) | (table.claim.ne("lemma1") & table.reading.ne("as-quantified") & (table.k >= table.n))
            self.assertEqual(set(table[claims_nothing].verdict), {"vacuous"})
            self.assertEqual(len(table[~claims_nothing & table.verdict.eq("vacuous")]), 0)
        beyond = self.rich()
        beyond = beyond[(beyond.k >= beyond.n) & (beyond.claimed_bound < 1)]
        self.assertGreater(len(pick(beyond, claim="theorem1", verdict="vacuous")), 0)
        self.assertGreater(len(pick(beyond, claim="lemma1", verdict="holds")), 0)      # Lemma 1 allows it

    def test_as_many_dimensions_as_tokens_are_no_reduction_and_one_fewer_is(self):
        n = 200
        table = self.verify(write_dump(self.path("b.h5"), np.eye(n)[None, None, None]), "--claim", "lemma1,theorem1", "--k", f"{n - 1},{n},{n + 1}",
                            "--epsilon", "0.66", "--trials", "8", "--columns", "gaussian", "--construction", "paper").table
        self.assertLess(table.claimed_bound.max(), 1)
        verdicts = {k: pick(table, reading="relative", k=k).verdict.item() for k in (n - 1, n, n + 1)}

        self.assertEqual(verdicts, {n - 1: "violated", n: "vacuous", n + 1: "vacuous"})
        self.assertEqual(set(pick(table, reading="norm").verdict), {"holds"})

    def test_as_quantified_is_trivially_true_of_every_head(self):
        rows = pick(self.automatic(), reading="as-quantified")

        self.assertEqual(len(rows), 6)
        self.assertEqual(set(zip(rows.construction, rows.verdict, rows.k)), {("rank-one", "trivially-true", 1)})
        self.assertTrue(rows.epsilon.isna().all())

    def test_the_k_that_the_paper_asks_for_is_shown_where_it_is_no_reduction(self):
        table = self.automatic("--epsilon", "0.1,0.3,0.5")
        n, d = 48, 6
        for epsilon in (0.1, 0.3, 0.5):
            proof = epsilon ** 2 - epsilon ** 3
            wanted = {"theorem1": 5 * np.log(n) / proof, "theorem2-statement": min(9 * d * np.log(d), 5 * np.log(n)) / epsilon ** 2,
                      "theorem2-proof-tokens": 5 * np.log(n * d) / proof, "theorem2-proof-rank": 9 * np.log(d) / proof}
            for source, k in wanted.items():
                rows = pick(table, construction="paper", epsilon=epsilon, k_source=source, claim=source.split("-")[0])
                self.assertEqual(set(rows.k), {np.ceil(k)}, source)
                self.assertEqual(len(rows), 6 * (2 if source == "theorem1" else 8))
                if k >= n:
                    self.assertEqual((set(rows.verdict), set(rows.trials), set(rows.failures)), ({"vacuous"}, {0}, {0}))
                    self.assertTrue(rows[["failure_rate", "ci_low", "ci_high", "row_failure_rate", "rms_relative_error"]].isna().all(axis=None))
                else:
                    self.assertEqual(set(rows.trials), {60})
        self.assertEqual(set(pick(table, k_source="power-of-two").k), {8, 16, 32})
        self.assertEqual(set(pick(table, claim="lemma1").k.astype(int)) - {8, 16, 32}, set())

    def test_lemma_1_holds_as_it_is_proven_and_not_as_it_is_printed(self):
        rows = pick(self.rich(), claim="lemma1")
        rows = rows[rows.claimed_bound < 1]

        self.assertEqual(set(pick(rows, reading=["norm", "inner-product"]).verdict), {"holds"})
        far = pick(rows, reading="inner-relative", columns=["value", "gaussian"], k=[200, 700, 2000])
        self.assertEqual(set(far.verdict), {"violated"})

    def test_confidence_decides_what_was_only_measured(self):
        """At a confidence next to nothing every rate is on one side of its bound; next to one, few are."""
        words = ["--claim", "theorem1", "--construction", "paper", "--k", "40,47", "--epsilon", "0.66,0.7"]
        for confidence in ("0.001", "0.95", "0.999999"):
            table = self.verify(write_dump(self.path("b.h5"), random_attention(4, 1, 1, 2, 48, 48)), *words, "--trials", "60", "--confidence", confidence).table
            for row in each(table):
                self.assertEqual(row.verdict, ladder(row, float(confidence)), row)


class Checks(Verdicts):
    def check(self, readings, *more):
        return attnspec("verify", self.dump, "-o", self.path("out"), "--overwrite", "--figures", "none", "--quiet", "--k", "2000", "--claim", "lemma1",
                        "--trials", "20", "--check", readings, *more)

    def test_a_violated_reading_is_exit_1_and_the_results_are_there(self):
        outcome = self.check("inner-relative")

        self.assertEqual((outcome.code, outcome.stdout), (CHECK_FAILED, ""))
        self.assertRegex(outcome.stderr, r"\Aattnspec: --check inner-relative: violated in \d+ rows of verify.csv\n\Z")
        self.assertTrue((self.folder / "out" / "verify.csv").exists())

    def test_a_reading_that_holds_is_exit_0(self):
        for readings in ("norm", "inner-product", "norm,inner-product", "relative"):     # relative was not asked
            outcome = self.check(readings)
            self.assertEqual((outcome.code, outcome.stderr), (DONE, ""), readings)

    def test_one_violated_reading_among_several_is_enough(self):
        self.assertEqual(self.check("norm,inner-relative").code, CHECK_FAILED)

    def test_theorem_1_as_printed_is_violated_at_the_papers_own_k(self):
        dump = write_dump(self.path("b.h5"), np.eye(512)[None, None, None])
        words = ["verify", dump, "-o", self.path("out"), "--overwrite", "--figures", "none", "--quiet", "--claim", "theorem1", "--k", "250", "--epsilon",
                 "0.5", "--columns", "gaussian", "--trials", "8"]
        for reading, code in (("relative", CHECK_FAILED), ("rowwise", DONE)):
            self.assertEqual(attnspec(*words, "--check", reading).code, code)

    def test_a_baseline_that_is_violated_fails_no_check(self):
        dump = write_dump(self.path("b.h5"), softmax(normals(5, 512, 512))[None, None, None])
        words = ["--claim", "theorem1", "--k", "250", "--epsilon", "0.5", "--construction", "zero", "--columns", "gaussian", "--trials", "8"]
        table = self.verify(dump, *words, "--check", "relative,rowwise").table

        self.assertIn("violated", set(table.verdict))


if __name__ == "__main__":
    unittest.main()
