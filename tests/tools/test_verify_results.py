#!/usr/bin/env python3
"""Where verify's results go, what it says when all is well, and what an interrupt leaves."""

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
from support.program import DONE, INTERRUPTED, OUTPUT, SKIPPED, TERMINATED, USAGE, Workplace, attnspec, start

FAST = ["--trials", "8", "--k", "4", "--epsilon", "0.5"]


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

        self.assertEqual((refused.code, refused.stdout), (OUTPUT, ""))
        self.assertIn("already holds verify.csv", refused.stderr)
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


def records_in(journal):
    """How many records are whole: length, checksum, bytes."""
    if not journal.exists():
        return 0
    data, at, count = journal.read_bytes(), 0, 0
    while at + 16 <= len(data):
        at += 16 + int.from_bytes(data[at:at + 8], "little")
        count += at <= len(data)
    return count


class Interrupts(Workplace):
    TRIALS = ["--trials", "150", "--k", "16", "--epsilon", "0.5", "--threads", "1"]

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
                while process.poll() is None and records_in(journal) < 2:
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

    def test_each_of_several_dumps_recalls_its_own_heads(self):
        more = [write_dump(self.path(f"{name}.h5"), softmax(normals(seed, 1, 1, 4, 64, 64)).astype(np.float32)) for seed, name in enumerate("bc")]
        words = ["verify", *more, self.dump, "-o", self.out, "--figures", "none", *self.TRIALS]
        wanted = self.verify(*more, self.dump, *self.TRIALS)
        journal = self.out / ".attnspec-part" / "journal"
        with start(*words) as process:   # the two small dumps come first, and the interrupt in the third
            while process.poll() is None and records_in(journal) < 3:   # what the run is, and a batch for each of them
                time.sleep(0.002)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)
        self.assertEqual(process.returncode, INTERRUPTED, "it was over before the signal came")

        resumed = attnspec(*words, "--resume")

        self.assertEqual(resumed.code, DONE, resumed.stderr)
        self.assertIn("going on after", resumed.stderr)
        self.assertEqual((self.out / "verify.csv").read_bytes(), wanted.bytes_of("verify.csv"))

    def test_another_option_is_not_taken_for_the_same_run(self):
        self.hit(signal.SIGINT)
        for more in (["--seed", "1"], ["--confidence", "0.9"], ["--delta", "1/n"], ["--claim", "theorem1"], ["--construction", "paper"], ["--columns", "ones"],
                     ["--heads", "0"], ["--on-bad", "warn"]):
            outcome = attnspec(*self.words("--resume", *more))
            self.assertEqual(outcome.code, USAGE, more)
            self.assertIn("--resume: the interrupted run had other inputs or options", outcome.stderr)
        others = [word if word != "1" else "2" for word in self.words("--resume")]      # as many threads
        self.assertEqual(attnspec(*others).code, DONE)

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
