#!/usr/bin/env python3
"""Command lines and dumps that verify refuses, what it says when all is well, and where its results go."""
# Golden: tests/tools/golden/verify_usage.txt, made by: ATTNSPEC_WRITE_GOLDEN=1 /usr/bin/python3 tests/tools/test_verify_usage.py

import json
import os
import pathlib
import shutil
import signal
import time
import unittest

import h5py
import numpy as np

from support.dumps import normals, random_attention, softmax, write_dump
from support.program import DONE, INPUT, INTERRUPTED, LIMIT, OUTPUT, SKIPPED, TERMINATED, USAGE, Golden, Workplace, attnspec, start
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
                               "--k": ["0", "-3", "auto,5", "5,auto", "x", "4.5", "99999999999999999999", "65537", "8,"],
                               "--trials": ["0", "-1", "1.5", "many", "100000001"], "--seed": ["-1", "x", "18446744073709551616"],
                               "--confidence": ["0", "1", "95", "nan"], "--delta": ["-1", "junk", "nan", "inf", "2^n", "1/m"],
                               "--claim": ["lemma2", "lemma1,theorem3", "Theorem1"], "--construction": ["conv", "paper,xyz", "none"],
                               "--columns": ["values", "ones,x"], "--check": ["relativ", "as-quantified", "softmax", "relative,exp-row"],
                               "--on-bad": ["ignore"]}.items():
            for value in values:
                with self.subTest(option=option, value=value):
                    self.assert_fails(USAGE, "a.h5", f"{option}={value}")

    def test_an_empty_value_is_a_usage_error(self):
        for option in ("--epsilon", "--k", "--trials", "--seed", "--confidence", "--delta", "--claim", "--construction", "--columns", "--check"):
            for words in ([option, ""], [f"{option}="], [option]):
                with self.subTest(words=words):
                    self.assert_fails(USAGE, "a.h5", *words, golden=False)

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
                            "values of fewer samples": (1, 2, 4, 12, 3), "values of no width": (2, 2, 4, 12, 0), "values of four axes": (2, 4, 12, 3)}.items():
            with self.subTest(case=case):
                self.assert_refused(case, write_dump(self.path("a.h5"), P, value=np.ones(shape)), "--samples", "0-1")

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


class Results(Workplace):
    def setUp(self):
        super().setUp()
        self.dump = write_dump(self.path("a.h5"), random_attention(1, 1, 2, 2, 16, 16))
        self.out = pathlib.Path(self.path("out"))

    def run_verb(self, verb, *more):
        return attnspec(verb, self.dump, "-o", self.out, "--figures", "none", *(FAST if verb == "verify" else []), *more)

    def test_results_that_are_there_are_refused_and_kept(self):
        self.out.mkdir()
        (self.out / "verify.csv").write_text("mine")
        refused = self.run_verb("verify")
        GOLDEN.check(self, "verify.csv exists", refused)

        self.assertEqual((refused.code, refused.stdout), (OUTPUT, ""))
        self.assertEqual({name: (self.out / name).read_text() for name in os.listdir(self.out)}, {"verify.csv": "mine"})
        self.assertEqual(self.run_verb("verify", "--overwrite", "--quiet").code, DONE)
        self.assertNotEqual((self.out / "verify.csv").read_text(), "mine")

    def test_a_success_leaves_the_results_and_nothing_else(self):
        self.assertEqual(self.run_verb("verify").code, DONE)
        self.assertEqual(sorted(os.listdir(self.out)), ["run.json", "verify.csv"])

    def test_spectrum_and_verify_share_a_folder(self):
        for first, second in (("spectrum", "verify"), ("verify", "spectrum")):
            with self.subTest(first=first):
                shutil.rmtree(self.out, ignore_errors=True)
                outcomes = [self.run_verb(verb, "--quiet") for verb in (first, second)]
                self.assertEqual([outcome.code for outcome in outcomes], [DONE, DONE], outcomes[1].stderr)
                self.assertEqual(sorted(os.listdir(self.out)), sorted([f"run-{second}.json", "run.json", "spectrum.csv", "spectrum.h5", "summary.csv",
                                                                       "verify.csv"]))
                self.assertEqual([json.loads((self.out / name).read_text())["verb"] for name in ("run.json", f"run-{second}.json")], [first, second])
                self.assertEqual([self.run_verb(verb).code for verb in (first, second)], [OUTPUT, OUTPUT])
                self.assertEqual([self.run_verb(verb, "--overwrite", "--quiet").code for verb in (first, second)], [DONE, DONE])
                self.assertEqual(len(os.listdir(self.out)), 6)

    def test_figures_that_are_there_are_refused_where_figures_are_asked_for(self):
        self.out.mkdir()
        (self.out / "verify_theorem1.gp").write_text("mine")

        self.assertEqual(attnspec("verify", self.dump, "-o", self.out, *FAST).code, OUTPUT)
        self.assertEqual(self.run_verb("verify", "--quiet").code, DONE)
        self.assertEqual((self.out / "verify_theorem1.gp").read_text(), "mine")

    def test_figures_belong_to_the_claims_that_were_tried(self):
        scripts = {"lemma1": ["verify_lemma1"], "theorem1": ["verify_needed_k", "verify_rms", "verify_theorem1"], "theorem2": ["verify_theorem2"]}
        for claim, names in scripts.items():
            shutil.rmtree(self.out, ignore_errors=True)
            outcome = attnspec("verify", self.dump, "-o", self.out, "--quiet", "--claim", claim, *FAST)
            self.assertEqual((outcome.code, outcome.stderr), (DONE, ""))
            self.assertEqual(sorted(path.stem for path in self.out.glob("*.gp")), names)
            self.assertEqual(sorted(path.stem for path in self.out.glob("*.dat")), names)

    def test_a_quiet_success_says_nothing(self):
        self.assertEqual(self.run_verb("verify", "--quiet"), (DONE, "", ""))

    def test_the_time_is_estimated_before_the_work_and_the_report_comes_after(self):
        outcome = self.run_verb("verify")

        self.assertEqual(outcome.code, DONE)
        self.assertRegex(outcome.stderr, r"\Aattnspec: auto takes device cpu, method gram\n"
                                         r"attnspec: .*a\.h5: 4 heads of 1 sample, 8 trials on \d+ threads?: about \d+ s\n\Z")
        self.assertRegex(outcome.stdout, r"Lemma 1(?s:.*)Theorem 1(?s:.*)Theorem 2(?s:.*)table    .*/verify\.csv\n\Z")

    def test_json_on_stdout_is_the_manifest_and_nothing_else(self):
        for more in (["--json"], ["--json", "--quiet"]):
            outcome = self.run_verb("verify", "--overwrite", *more)
            manifest = json.loads(outcome.stdout)
            self.assertEqual(manifest, json.loads((self.out / "run.json").read_text()))
            self.assertEqual((manifest["verb"], manifest["options"]["trials"], manifest["options"]["epsilon"]), ("verify", "8", "0.5"))
            self.assertEqual(outcome.stderr == "", "--quiet" in more)

    def test_help_begins_with_what_it_answers_and_shows_examples(self):
        outcome = attnspec("verify", "-h")

        self.assertEqual((outcome.code, outcome.stderr), (DONE, ""))
        self.assertLess(outcome.stdout.index("Examples:"), outcome.stdout.index("Usage:"))
        for option in ("--claim", "--epsilon", "--k", "--trials", "--seed", "--confidence", "--columns", "--construction", "--delta", "--check"):
            self.assertIn(option, outcome.stdout)

    def test_no_escape_codes_reach_a_pipe_whatever_the_model_is_called(self):
        write_dump(self.dump, random_attention(1, 1, 1, 1, 16, 16), model_id="\x1b[31mred\x07")
        outcome = self.run_verb("verify")

        self.assertEqual(outcome.code, DONE)
        self.assertNotIn("\x1b", outcome.stdout + outcome.stderr)


class Interrupts(Workplace):
    TRIALS = ["--trials", "300", "--k", "16,64", "--epsilon", "0.5", "--threads", "1"]

    def setUp(self):
        super().setUp()
        # 96 heads are at least three batches of heads.
        self.dump = write_dump(self.path("a.h5"), softmax(normals(1, 1, 4, 24, 64, 64)).astype(np.float32))
        self.out = pathlib.Path(self.path("out"))

    def words(self, *more):
        return ["verify", self.dump, "-o", self.out, "--figures", "none", "--quiet", *self.TRIALS, *more]

    def hit(self, how, *more):
        """The signal comes when the journal has its first heads. Exit code and stderr."""
        journal = self.out / ".attnspec-part" / "journal"
        for _ in range(5):
            shutil.rmtree(self.out, ignore_errors=True)
            with start(*self.words(*more), preexec_fn=lambda: os.nice(5)) as process:
                while process.poll() is None and not (journal.exists() and journal.stat().st_size > 20_000):
                    time.sleep(0.002)
                process.send_signal(how)
                _, stderr = process.communicate(timeout=60)
            if process.returncode != DONE:
                return process.returncode, stderr.decode()
        self.fail("it was over before the signal came, five times")

    def test_an_interrupted_run_leaves_no_result_and_is_resumed_to_the_same_bytes(self):
        wanted = self.verify(self.dump, *self.TRIALS)
        for how, code in ((signal.SIGINT, INTERRUPTED), (signal.SIGTERM, TERMINATED), (signal.SIGKILL, -signal.SIGKILL)):
            with self.subTest(how=how.name):
                self.assertEqual(self.hit(how), (code, ""))
                self.assert_nothing_written(self.out)
                resumed = attnspec(*[word for word in self.words("--resume") if word != "--quiet"])
                self.assertEqual(resumed.code, DONE, resumed.stderr)
                self.assertRegex(resumed.stderr, r"\Aattnspec: going on after \d+ batch(es)? of heads of an interrupted run\n")
                self.assertEqual((self.out / "verify.csv").read_bytes(), wanted.bytes_of("verify.csv"))
                self.assertEqual(sorted(os.listdir(self.out)), ["run.json", "verify.csv"])

    def test_another_option_is_not_taken_for_the_same_run(self):
        self.hit(signal.SIGINT)
        for more in (["--seed", "1"], ["--confidence", "0.9"], ["--delta", "1/n"], ["--claim", "theorem1"], ["--construction", "paper"], ["--columns", "ones"],
                     ["--heads", "0"], ["--on-bad", "warn"]):
            outcome = attnspec(*self.words("--resume", *more))
            self.assertEqual(outcome.code, USAGE, more)
            self.assertIn("--resume: the interrupted run had other inputs or options", outcome.stderr)
        self.assertEqual(attnspec(*self.words("--resume", "--threads", "2")[:-4], "--resume").code, DONE)

    def test_what_was_skipped_before_the_interrupt_is_counted_after_it(self):
        with h5py.File(self.dump, "r+") as file:
            file["attention"][0, 0, 1] = np.nan
            file["attention"][0, 3, 2] = np.nan
        wanted = self.verify(self.dump, *self.TRIALS, code=SKIPPED)

        self.assertEqual(self.hit(signal.SIGINT)[0], INTERRUPTED)
        self.assertEqual(attnspec(*self.words("--resume")).code, SKIPPED)
        counts = [json.loads(text)["inputs"][0] for text in ((self.out / "run.json").read_text(), wanted.bytes_of("run.json"))]
        for name in ("matrices", "done", "skipped", "warnings"):
            self.assertEqual(counts[0][name], counts[1][name])


if __name__ == "__main__":
    unittest.main()
