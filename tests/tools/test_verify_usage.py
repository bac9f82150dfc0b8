#!/usr/bin/env python3
"""Command lines and dumps that verify refuses, and those for which it says that a claim means nothing."""
# Golden: tests/tools/golden/verify_usage.txt, made by: ATTNSPEC_WRITE_GOLDEN=1 /usr/bin/python3 tests/tools/test_verify_usage.py

import json
import os
import pathlib
import shutil
import unittest

import numpy as np

from support.dumps import normals, random_attention, write_dump
from support.program import DONE, INPUT, LIMIT, SKIPPED, USAGE, Golden, Workplace, attnspec
from support.verify import pick

GOLDEN = Golden("verify_usage.txt")
FAST = ["--trials", "8", "--k", "4", "--epsilon", "0.5"]


class CommandLine(Workplace):
    def setUp(self):
        super().setUp()
        self.dump = write_dump(self.path("a.h5"), random_attention(1, 1, 2, 2, 16, 16))

    def assert_fails(self, code, *words, golden=True):
        """With its golden message, and before any output is made."""
        outcome = attnspec("verify", *words, cwd=self.folder)
        made = sorted(set(os.listdir(self.folder)) - {"a.h5"})
        for name in made:
            shutil.rmtree(self.folder / name)
        self.assertEqual(outcome.code, code, outcome.stderr)
        self.assertEqual(outcome.stdout, "")
        self.assertEqual(made, [])
        if golden:
            GOLDEN.check(self, "verify " + " ".join(words), outcome)
        return outcome

    def test_values_that_make_no_sense_are_usage_errors(self):
        for option, values in {"--epsilon": ["0", "1", "nan", "-0.5", "inf", "0.5,x", "0.5,,0.3", "0.5 0.3", "1e-400"],
                               "--k": ["0", "-3", "auto,5", "5,auto", "x", "4.5", "99999999999999999999", "65537"],
                               "--trials": ["0", "-1", "1.5", "many", "100000001"], "--seed": ["-1", "x", "18446744073709551616"],
                               "--confidence": ["0", "1", "95", "nan"], "--delta": ["-1", "junk", "nan", "inf", "2^n", "1/m"],
                               "--claim": ["lemma2", "lemma1,theorem3", "Theorem1"], "--construction": ["conv", "paper,xyz", "none"],
                               "--columns": ["values", "ones,x"], "--check": ["relativ", "as-quantified", "softmax", "relative,exp-row"],
                               "--on-bad": ["ignore"]}.items():
            for value in values:
                with self.subTest(option=option, value=value):
                    self.assert_fails(USAGE, "a.h5", f"{option}={value}")

    def test_an_empty_value_is_a_usage_error(self):
        for option in ("--epsilon", "--k", "--trials", "--seed", "--confidence", "--delta", "--claim", "--construction", "--columns"):
            for words in ([option, ""], [f"{option}="], [option]):
                with self.subTest(words=words):
                    self.assert_fails(USAGE, "a.h5", *words, golden=False)

    def test_a_check_of_nothing_is_not_taken_for_a_check_that_passed(self):
        self.assert_fails(USAGE, "a.h5", "--check", "", *FAST, golden=False)

    def test_a_list_that_ends_in_a_comma_lacks_an_item(self):
        for option, value in (("--k", "8,"), ("--epsilon", "0.5,"), ("--claim", "lemma1,"), ("--columns", "ones,")):
            with self.subTest(option=option):
                self.assert_fails(USAGE, "a.h5", option, value, "--trials", "8", golden=False)

    def test_words_of_other_verbs_are_not_understood(self):
        for words in (["a.h5", "--index", "4"], ["a.h5", "--weight", "energy"], ["a.h5", "--epsilom", "0.5"], ["a.h5", "--trial", "5"], []):
            with self.subTest(words=words):
                self.assert_fails(USAGE, *words)

    def test_a_mistake_in_the_words_is_found_before_the_dump_is_opened(self):
        self.assertIn("--epsilon 7", self.assert_fails(USAGE, "absent.h5", "--epsilon", "7", golden=False).stderr)
        self.assertIn("relativ", self.assert_fails(USAGE, "absent.h5", "--check", "relativ", golden=False).stderr)

    def test_values_that_the_dump_does_not_hold_are_refused_with_a_way_out(self):
        self.assert_fails(INPUT, "a.h5", "--columns", "value")
        self.assert_fails(INPUT, "a.h5", "--columns", "ones,value")

    def test_too_little_memory_is_a_limit(self):
        self.assert_fails(LIMIT, "a.h5", "--max-memory", "1M", "--threads", "1", "--k", "60000")

    def test_several_dumps_need_a_folder_and_a_missing_one_stops_before_any_output(self):
        self.assert_fails(USAGE, "a.h5", "a.h5")
        self.assert_fails(INPUT, "a.h5", "absent.h5", "-o", "out")

    def test_ends_of_ranges_are_taken(self):
        outcome = attnspec("verify", self.dump, "-o", self.path("out"), "--figures", "none", "--quiet", "--epsilon", "1e-300,0.9999999999999999", "--k",
                           "1,1000", "--trials", "1", "--seed", str(2 ** 64 - 1), "--confidence", "1e-9", "--delta", "0")

        self.assertEqual((outcome.code, outcome.stderr), (DONE, ""))


class Dumps(Workplace):
    def assert_refused(self, case, path, *more):
        outcome = attnspec("verify", path, "-o", self.path("out"), "--figures", "none", *FAST, *more)
        self.assertEqual((outcome.code, outcome.stdout), (INPUT, ""), outcome.stderr)
        self.assert_nothing_written(self.path("out"))
        GOLDEN.check(self, case, outcome)

    def test_values_of_another_shape_are_refused(self):
        P = random_attention(1, 2, 2, 4, 12, 12)
        for case, shape in {"values of other tokens": (2, 2, 4, 11, 3), "values of other layers": (2, 3, 4, 12, 3),
                            "values of heads that do not divide": (2, 2, 3, 12, 3), "values of more heads": (2, 2, 8, 12, 3),
                            "values of no width": (2, 2, 4, 12, 0), "values of four axes": (2, 4, 12, 3)}.items():
            with self.subTest(case=case):
                self.assert_refused(case, write_dump(self.path("a.h5"), P, value=np.ones(shape)))

    def test_tensors_of_one_sample_are_not_taken_for_those_of_all(self):
        P, tensor = random_attention(1, 2, 1, 2, 12, 12), normals(2, 2, 1, 2, 12, 4)
        for case, contents in {"value": dict(value=tensor[:1]), "query and key": dict(query=tensor[:1], key=tensor[:1], scale=0.5)}.items():
            with self.subTest(case=case):
                outcome = attnspec("verify", write_dump(self.path("a.h5"), P, **contents), "-o", self.path("out"), "--figures", "none", "--overwrite",
                                   "--samples", "1", *FAST)
                self.assertEqual(outcome.code, INPUT, outcome.stderr)
                self.assertIn("[1, 1, 2, 12, 4]", outcome.stderr)

    def test_values_of_another_type_are_refused(self):
        self.assert_refused("values that are integers", write_dump(self.path("a.h5"), random_attention(1, 1, 1, 1, 12, 12), value=np.ones((1, 1, 1, 12, 3), int)))

    def test_values_that_are_no_numbers_are_no_mistake_of_ours(self):
        value = normals(2, 1, 1, 2, 12, 3)
        for wrong in (np.nan, np.inf):
            value[0, 0, 0, 5, 1] = wrong
            outcome = attnspec("verify", write_dump(self.path("a.h5"), random_attention(1, 1, 1, 2, 12, 12), value=value), "-o", self.path("out"),
                               "--figures", "none", "--overwrite", *FAST)
            self.assertIn(outcome.code, (INPUT, SKIPPED), outcome.stderr)
            self.assertIn("/value", outcome.stderr)

    def bad_matrices(self):
        """One matrix of NaN, one whose rows sum to .9, four sound ones."""
        P = random_attention(1, 1, 2, 3, 16, 16)
        P[0, 0, 1] = np.nan
        P[0, 1, 2] *= 0.9
        return write_dump(self.path("a.h5"), P)

    def on_bad(self, word):
        return attnspec("verify", self.bad_matrices(), "-o", self.path("out"), "--figures", "none", "--overwrite", "--on-bad", word, *FAST)

    def test_bad_matrices_stop_or_are_skipped_or_tried_as_asked(self):
        stopped = self.on_bad("error")
        self.assertEqual((stopped.code, stopped.stdout), (INPUT, ""))
        self.assert_nothing_written(self.path("out"))
        GOLDEN.check(self, "--on-bad error", stopped._replace(stderr=stopped.stderr.split("about")[-1].split("\n", 1)[-1]))
        for word, left_out in (("skip", {(0, 1), (1, 2)}), ("warn", {(0, 1)})):
            with self.subTest(word=word):
                outcome = self.on_bad(word)
                self.assertEqual(outcome.code, SKIPPED, outcome.stderr)
                self.assertIn("NaN", outcome.stderr)
                results = pathlib.Path(self.path("out"))
                lines = [line.split(",") for line in (results / "verify.csv").read_text().splitlines()[1:]]
                self.assertEqual({(layer, head) for layer in range(2) for head in range(3)} - {(int(line[9]), int(line[10])) for line in lines}, left_out)
                counts = json.loads((results / "run.json").read_text())["inputs"][0]
                self.assertEqual((counts["matrices"], counts["done"], sum(counts["skipped"].values())), (6, 6 - len(left_out), len(left_out)))
                self.assertEqual(sum(counts["warnings"].values()), 2 - len(left_out))

    def test_sound_heads_have_the_rows_they_have_without_bad_ones_beside_them(self):
        P = random_attention(1, 1, 2, 3, 16, 16)
        sound = self.verify(write_dump(self.path("b.h5"), P), *FAST).table
        found = self.verify(self.bad_matrices(), *FAST, code=SKIPPED).table
        wanted = sound[~((sound["layer"].eq(0) & sound["head"].eq(1)) | (sound["layer"].eq(1) & sound["head"].eq(2)))]

        self.assertTrue(found.drop(columns="dump").equals(wanted.drop(columns="dump").reset_index(drop=True)))

    def test_a_dump_of_nothing_but_bad_matrices_is_an_empty_table(self):
        results = self.verify(write_dump(self.path("a.h5"), np.full((1, 1, 2, 16, 16), np.nan)), *FAST, code=SKIPPED)

        self.assertEqual(len(results.table), 0)


class NotApplicable(Workplace):
    """Theorem 2 where there are no logits: rows that say why, and exit 0."""

    def assert_not_applicable(self, dump, *reasons):
        table = self.verify(dump, *FAST).table
        rows = pick(table, claim="theorem2")
        self.assertEqual(set(rows.verdict), {"not-applicable"})
        self.assertEqual(set(rows.construction), {"paper", "gaussian"})
        for reason in set(rows.reason):
            for words in reasons:
                self.assertIn(words, reason)
        empty = rows[["delta", "logits", "epsilon", "k", "k_source", "failure_rate", "ci_low", "claimed_bound", "exact_rate", "zero_failure_rate",
                      "rms_relative_error", "rms_predicted"]]
        self.assertTrue(empty.isna().all(axis=None))
        self.assertGreater(len(pick(table, claim="theorem1", construction="paper", verdict=["vacuous", "violated", "holds"])), 0)

    def test_a_mask_leaves_no_logits(self):
        query, key = normals(1, 1, 1, 2, 16, 4), normals(2, 1, 1, 2, 16, 4)
        for mask in ("causal", "sliding:5"):
            with self.subTest(mask=mask):
                self.assert_not_applicable(write_dump(self.path("a.h5"), query=query, key=key, scale=0.5, mask_kind=mask), mask, "infinity")

    def test_zeros_in_attention_leave_no_logarithm(self):
        P = random_attention(3, 1, 1, 2, 16, 16)
        P[0, 0, :, 3, 4] = 0
        self.assert_not_applicable(write_dump(self.path("a.h5"), P, row_sum="at_most_one"), "1 of 256 entries of P are zero", "--store query,key")

    def test_only_the_layers_that_have_a_mask_are_without(self):
        query, key = normals(1, 1, 2, 2, 16, 4), normals(2, 1, 2, 2, 16, 4)
        table = self.verify(write_dump(self.path("a.h5"), query=query, key=key, scale=0.5, mask_kind=["causal", "bidirectional"]), *FAST).table

        for layer, there in ((0, False), (1, True)):
            rows = pick(table, claim="theorem2", layer=layer)
            self.assertEqual("not-applicable" not in set(rows.verdict), there)


if __name__ == "__main__":
    unittest.main()
