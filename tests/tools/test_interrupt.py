#!/usr/bin/env python3
"""A run that is interrupted or killed, and resumed, leaves the bytes of one that was not."""

import os
import pathlib
import shutil
import signal
import time
import unittest

import h5py
import numpy as np

from support.dumps import random_attention, write_dump
from support.program import DONE, INTERRUPTED, OUTPUT, SKIPPED, TERMINATED, USAGE, Results, Workplace, attnspec, start

# The slowest method on one thread, in batches of a few matrices: long enough to be hit in the middle.
SLOW = ["--method", "reference", "--threads", "1", "--max-memory", "66M", "--figures", "none"]
SHAPE = (5, 5, 8, 40, 40)
MATRICES = 5 * 5 * 8
JOURNAL = ".attnspec-part/journal"


class Interrupts(Workplace):
    @classmethod
    def setUpClass(cls):
        cls.P = random_attention(1, *SHAPE).astype(np.float32)

    def setUp(self):
        super().setUp()
        self.dump = write_dump(self.path("a.h5"), self.P)
        self.out = pathlib.Path(self.path("out"))

    def command(self, *more, out=None):
        return ["spectrum", self.dump, "-o", out or self.out, *SLOW, *more]

    def hit(self, how, *more, growth=35_000):
        """Starts the run and sends the signal when its journal has grown by so many bytes. Exit code and stderr.

        On a busy machine the run can be over before we look again: then it is put back as it was and started anew."""
        before = self.journal_bytes()
        for _ in range(5):
            with start(*self.command(*more), preexec_fn=lambda: os.nice(5)) as process:
                while process.poll() is None and len(self.journal_bytes()) < len(before) + growth:
                    time.sleep(0.002)
                process.send_signal(how)
                _, stderr = process.communicate(timeout=60)
            if process.returncode != DONE:
                self.assert_nothing_written(self.out)
                return process.returncode, stderr.decode()
            self.put_back(before)
        self.fail("it was over before the signal came, five times")

    def put_back(self, journal):
        """The folder as a run that was killed with this journal leaves it."""
        shutil.rmtree(self.out)
        (self.out / ".attnspec-part").mkdir(parents=True)
        (self.out / JOURNAL).write_bytes(journal)

    def journal_bytes(self):
        try:
            return (self.out / JOURNAL).read_bytes()
        except FileNotFoundError:
            return b""

    def clean(self):
        """The results of a run that nothing disturbed."""
        return self.spectrum(self.dump, *SLOW[:-2])

    def assert_resumes(self, *more, wanted=None, code=DONE):
        outcome = attnspec(*self.command("--resume", *more))
        self.assertEqual(outcome.code, code, outcome.stderr)
        self.assert_same_results(wanted or self.clean())
        self.assertFalse((self.out / ".attnspec-part").exists())
        return outcome

    def assert_same_results(self, wanted):
        for name in ("spectrum.csv", "summary.csv"):
            self.assertEqual((self.out / name).read_bytes(), wanted.bytes_of(name))
        found = Results(self.out, None)
        for path in ("/sigma", "/status", "/length"):
            self.assertEqual(found.h5(path).tobytes(), wanted.h5(path).tobytes())


class Signals(Interrupts):
    def test_sigint_and_sigterm_end_with_their_codes_and_say_how_to_go_on(self):
        wanted = self.clean()
        for how, code in ((signal.SIGINT, INTERRUPTED), (signal.SIGTERM, TERMINATED)):
            with self.subTest(how=how.name):
                shutil.rmtree(self.out, ignore_errors=True)
                found, stderr = self.hit(how)
                self.assertEqual(found, code)
                self.assertRegex(stderr, r"\Aattnspec: interrupted after \d+ matrices; nothing was written to .*/out\. "
                                         r"The same command with --resume goes on from here\n\Z")
                outcome = self.assert_resumes(wanted=wanted)
                self.assertRegex(outcome.stderr, r"\Aattnspec: going on after \d+ matrices of an interrupted run\n\Z")

    def test_a_killed_run_is_resumed_to_the_same_bytes(self):
        self.assertEqual(self.hit(signal.SIGKILL)[0], -signal.SIGKILL)

        self.assert_resumes()

    def test_a_run_may_be_interrupted_again_and_again(self):
        for _ in range(2):
            self.assertEqual(self.hit(signal.SIGINT, "--resume", growth=1)[0], INTERRUPTED)

        self.assert_resumes()

    def test_a_resumed_run_does_not_compute_again_what_it_has(self):
        self.hit(signal.SIGINT)
        times = os.stat(self.dump)
        with h5py.File(self.dump, "r+") as dump:
            dump["attention"][0, 0, 0] = 0                  # what is not read again can not be missed
        os.utime(self.dump, ns=(times.st_atime_ns, times.st_mtime_ns))

        attnspec(*self.command("--resume"))

        wanted = np.linalg.svd(self.P[0, 0, 0].astype(float), compute_uv=False)
        np.testing.assert_allclose(Results(self.out, None).h5()[0, 0, 0], wanted, rtol=0, atol=1e-12)

    def test_other_threads_and_memory_resume_to_the_same_bytes(self):
        self.hit(signal.SIGINT)

        outcome = attnspec("spectrum", self.dump, "-o", self.out, "--method", "reference", "--threads", "2", "--max-memory", "1G", "--figures", "none", "--resume")

        self.assertEqual(outcome.code, DONE, outcome.stderr)
        self.assert_same_results(self.clean())

    def test_what_was_skipped_before_the_interrupt_is_counted_after_it(self):
        P = self.P.copy()
        P[0, 0, 3] = np.nan
        P[4, 4, 7, 5] *= 1.01                   # a warning, late
        P[0, 1, 1, 5] *= 1.01                   # and an early one
        write_dump(self.dump, P)
        wanted = self.spectrum(self.dump, *SLOW[:-2], code=SKIPPED)

        self.hit(signal.SIGINT)
        self.assert_resumes(wanted=wanted, code=SKIPPED)

        counts = [results.run["inputs"][0] for results in (Results(self.out, None), wanted)]
        for name in ("matrices", "done", "skipped", "warnings"):
            self.assertEqual(counts[0][name], counts[1][name])
        self.assertEqual(counts[0]["warnings"], {"row_sum": 2})

    def test_an_interrupt_in_the_second_of_two_dumps_is_resumed(self):
        other = write_dump(self.path("b.h5"), self.P[::-1].copy())
        words = ["spectrum", self.dump, other, *SLOW]
        self.assertEqual(attnspec(*words, "-o", self.path("clean")).code, DONE)
        record = 12 * 8 + 40 * 8                             # bytes of the journal: length, sum, ten numbers, 40 values

        self.hit(signal.SIGINT, other, growth=(MATRICES + 60) * record)
        outcome = attnspec(*self.command(other, "--resume"))

        self.assertEqual(outcome.code, DONE, outcome.stderr)
        for name in ("spectrum.csv", "summary.csv"):
            self.assertEqual((self.out / name).read_bytes(), pathlib.Path(self.path("clean"), name).read_bytes())

    def test_an_interrupted_synth_leaves_nothing(self):
        target = self.path("b.h5")
        for how, code in ((signal.SIGINT, INTERRUPTED), (signal.SIGTERM, TERMINATED)):
            with self.subTest(how=how.name):
                with start("synth", "random", "-o", target, "--n", "512", "--heads", "5000", "--quiet") as process:
                    while not os.path.exists(target + ".part") and process.poll() is None:
                        time.sleep(0.002)
                    process.send_signal(how)
                    process.communicate(timeout=60)
                self.assertEqual(process.returncode, code)
                self.assertEqual(os.listdir(self.folder), ["a.h5"])


class Journals(Interrupts):
    """What --resume makes of a journal that is torn, damaged, or not its own."""

    def setUp(self):
        super().setUp()
        self.hit(signal.SIGINT)
        self.journal = self.out / JOURNAL
        self.whole = self.journal.read_bytes()

    def test_a_torn_or_damaged_journal_is_used_as_far_as_it_is_whole(self):
        wanted = self.clean()
        middle = len(self.whole) // 2
        flipped = self.whole[:middle] + bytes([self.whole[middle] ^ 1]) + self.whole[middle + 1:]
        cases = {"the last byte is missing": self.whole[:-1], "half a record is missing": self.whole[:-250], "half of it is missing": self.whole[:middle],
                 "nothing but a torn key": self.whole[:20], "nothing": b"", "zeros at the end": self.whole + bytes(1000),
                 "rubbish at the end": self.whole + np.random.default_rng(1).bytes(1000), "a flipped bit in the middle": flipped,
                 "a length of a gigabyte": self.whole + (2 ** 30 - 1).to_bytes(8, "little") + bytes(8)}
        for case, journal in cases.items():
            with self.subTest(case=case):
                self.put_back(journal)
                self.assert_resumes(wanted=wanted)

    def test_another_option_or_input_is_refused_and_the_journal_kept(self):
        for more in (["--layers", "0-3"], ["--heads", "0"], ["--samples", "0-1"], ["--on-bad", "warn"], ["--stage", "logits"], ["--length", "40"],
                     ["--axes", "SLHQK"]):
            with self.subTest(more=more):
                outcome = attnspec(*self.command("--resume", *more))
                self.assertEqual(outcome.code, USAGE, outcome.stderr)
                self.assertIn("--resume: the interrupted run had other inputs or options", outcome.stderr)
                self.assertEqual(self.journal.read_bytes(), self.whole)
        outcome = attnspec("spectrum", self.dump, "-o", self.out, "--figures", "none", "--resume", "--method", "direct")
        self.assertEqual(outcome.code, USAGE, outcome.stderr)

        self.assert_resumes()

    def test_a_changed_input_is_refused(self):
        os.utime(self.dump)
        outcome = attnspec(*self.command("--resume"))
        self.assertEqual(outcome.code, USAGE, outcome.stderr)

        write_dump(self.dump, self.P[:4])
        self.assertEqual(attnspec(*self.command("--resume")).code, USAGE)
        self.assert_nothing_written(self.out)

    def test_without_resume_a_new_run_starts_over(self):
        outcome = attnspec(*self.command("--layers", "0"))

        self.assertEqual(outcome.code, DONE)
        self.assertFalse((self.out / ".attnspec-part").exists())

    def test_resume_with_nothing_to_resume_is_a_plain_run(self):
        shutil.rmtree(self.out)

        self.assertEqual(self.assert_resumes("--quiet").stderr, "")
        self.assertEqual(attnspec(*self.command("--resume")).code, OUTPUT)      # the results are there now


if __name__ == "__main__":
    unittest.main()
