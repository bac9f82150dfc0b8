#!/usr/bin/env python3
"""Outputs that can not be written whole: exit 4, a message that says why, and nothing under a final name."""
# Golden: tests/tools/golden/output_failures.txt, made by: ATTNSPEC_WRITE_GOLDEN=1 /usr/bin/python3 tests/tools/test_output_failures.py

import fcntl
import os
import pathlib
import subprocess
import unittest

import numpy as np

from support.dumps import random_attention, write_dump
from support.program import DONE, INPUT, OUTPUT, PROGRAM, RESULTS, Golden, Workplace, attnspec, environment

GOLDEN = Golden("output_failures.txt")
PAGE = 4096


def in_shell(redirection, *words):
    """Exit code and both streams of attnspec under a redirection of the shell."""
    done = subprocess.run(["sh", "-c", f'"$@" {redirection}', "sh", PROGRAM, *map(str, words)], env=environment(), capture_output=True,
                          stdin=subprocess.DEVNULL, timeout=60)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


class Failures(Workplace):
    def setUp(self):
        super().setUp()
        self.dump = write_dump(self.path("a.h5"), random_attention(1, 2, 3, 2, 24, 24))

    def words(self, folder, *more):
        return ["spectrum", self.dump, "-o", folder, "--figures", "none", *more]

    def assert_output_fails(self, case, folder, *more):
        outcome = attnspec(*self.words(folder, *more))
        self.assertEqual(outcome.code, OUTPUT, outcome.stderr)
        self.assertEqual(outcome.stdout, "")
        GOLDEN.check(self, case, outcome)

    def mounted(self, options):
        """A small file system of its own."""
        place = self.path(f"disk{len(os.listdir(self.folder))}")
        os.mkdir(place)
        made = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "attnspec-test", place], capture_output=True, text=True)
        if made.returncode != 0:
            self.skipTest("no file system can be mounted here (not root?): " + made.stderr.strip())
        self.addCleanup(subprocess.run, ["umount", place], check=True)
        return place


class Folders(Failures):
    def test_a_folder_that_can_not_be_is_refused(self):
        pathlib.Path(self.path("file")).write_text("mine")

        self.assert_output_fails("a file for a folder", self.path("file"))
        self.assert_output_fails("a folder below a file", self.path("file/below"))
        self.assertEqual(attnspec(*self.words("/proc/results")).code, OUTPUT)
        self.assertEqual(pathlib.Path(self.path("file")).read_text(), "mine")

    def test_a_folder_on_a_read_only_disk_is_refused(self):
        disk = self.mounted("ro,size=64k")

        self.assert_output_fails("a read-only disk", disk)
        self.assert_output_fails("a new folder on a read-only disk", disk + "/new")

    def test_results_that_are_there_are_refused_before_the_work_starts_and_kept(self):
        P = random_attention(1, 2, 3, 2, 24, 24)
        P[0, 0, 0] = np.nan                                  # the work would say that this one is skipped
        write_dump(self.dump, P)
        for name in RESULTS:
            with self.subTest(name=name):
                folder = pathlib.Path(self.path(f"out-{name}"))
                folder.mkdir()
                (folder / name).write_text("mine")
                self.assert_output_fails(f"{name} exists", folder)
                self.assertEqual(os.listdir(folder), [name])
                self.assertEqual((folder / name).read_text(), "mine")

    def test_figures_that_are_there_are_refused_where_figures_are_asked_for(self):
        folder = pathlib.Path(self.path("out"))
        folder.mkdir()
        (folder / "figure1_layers.gp").write_text("mine")

        refused = attnspec("spectrum", self.dump, "-o", folder)
        allowed = attnspec(*self.words(folder, "--quiet"))

        self.assertEqual((refused.code, allowed.code), (OUTPUT, DONE))
        self.assertEqual((folder / "figure1_layers.gp").read_text(), "mine")

    def test_overwrite_replaces_results_and_leaves_other_files_alone(self):
        first = self.spectrum(self.dump)
        (first.folder / "notes.txt").write_text("mine")
        write_dump(self.dump, random_attention(2, 2, 3, 2, 24, 24))

        attnspec(*self.words(first.folder, "--overwrite"))
        second = self.spectrum(self.dump)

        self.assertEqual(first.bytes_of("spectrum.csv"), second.bytes_of("spectrum.csv"))
        self.assertEqual(sorted(os.listdir(first.folder)), sorted([*RESULTS, "notes.txt"]))

    def test_a_success_leaves_the_results_and_nothing_else(self):
        self.assertEqual(sorted(os.listdir(self.spectrum(self.dump).folder)), RESULTS)

    def test_a_second_run_in_the_same_folder_is_refused_while_the_first_one_runs(self):
        workshop = pathlib.Path(self.path("out/.attnspec-part"))
        workshop.mkdir(parents=True)
        held = os.open(workshop, os.O_RDONLY)
        self.addCleanup(os.close, held)
        fcntl.flock(held, fcntl.LOCK_EX)

        self.assert_output_fails("another run is at work", self.path("out"))

    def test_a_dump_that_stops_the_run_leaves_no_result(self):
        P = random_attention(1, 2, 3, 2, 24, 24)
        P[1, 2, 1, 5] = 0.5
        write_dump(self.dump, P)

        outcome = attnspec(*self.words(self.path("out"), "--on-bad", "error"))

        self.assertEqual(outcome.code, INPUT)
        self.assert_nothing_written(self.path("out"))


class FullDisk(Failures):
    def fill(self, words_of, final_names):
        """Runs on ever larger disks until one is large enough; a failure is exit 4 and leaves no result."""
        for pages in range(1, 400):
            disk = self.mounted(f"size={pages * PAGE}")
            outcome = attnspec(*words_of(disk))
            present = [name for name in final_names if os.path.exists(f"{disk}/{name}")]
            if outcome.code == DONE:
                self.assertEqual(present, final_names)
                return disk, pages
            self.assertEqual(outcome.code, OUTPUT, f"{pages} pages: {outcome.stderr}")
            self.assertEqual(present, [], f"{pages} pages")
            self.assertRegex(outcome.stderr, r"\Aattnspec: .+\n\Z")
        self.fail("no disk was large enough")

    def test_a_disk_of_any_size_holds_all_results_or_none(self):
        disk, pages = self.fill(lambda disk: self.words(disk, "--quiet"), RESULTS)

        self.assertGreater(pages, 10)
        wanted = self.spectrum(self.dump)
        self.assertEqual(pathlib.Path(disk, "spectrum.csv").read_bytes(), wanted.bytes_of("spectrum.csv"))

    def test_a_disk_of_any_size_holds_a_synthetic_dump_or_none(self):
        disk, pages = self.fill(lambda disk: ["synth", "causal", "-o", disk + "/b.h5", "--n", "64", "--dtype", "f64", "--heads", "2", "--quiet"], ["b.h5"])

        inspected = attnspec("inspect", disk + "/b.h5")
        self.assertEqual(inspected.code, DONE, f"whole on a disk of {pages * PAGE} bytes? {inspected.stdout}")
        self.assertGreater(pages * PAGE, 2 * 64 * 64 * 8)

    def test_a_full_disk_keeps_the_results_that_were_there(self):
        disk = self.mounted("size=600k")
        attnspec(*self.words(disk))
        before = {name: pathlib.Path(disk, name).read_bytes() for name in RESULTS}
        with open(disk + "/ballast", "wb") as ballast:
            room = os.statvfs(disk)
            ballast.write(bytes((room.f_bavail - 11) * room.f_bsize))

        outcome = attnspec(*self.words(disk, "--overwrite"))

        self.assertEqual(outcome.code, OUTPUT)
        self.assertEqual({name: pathlib.Path(disk, name).read_bytes() for name in RESULTS}, before)
        GOLDEN.check(self, "a full disk", outcome._replace(stderr=outcome.stderr.replace(disk, "DISK")))

    def test_a_run_that_found_the_disk_full_can_be_resumed_when_there_is_room(self):
        disk = self.mounted("size=40k")
        self.assertEqual(attnspec(*self.words(disk)).code, OUTPUT)
        subprocess.run(["mount", "-o", "remount,size=1m", disk], check=True)

        self.assertEqual(attnspec(*self.words(disk, "--resume", "--quiet")).code, DONE)
        self.assertEqual(pathlib.Path(disk, "spectrum.csv").read_bytes(), self.spectrum(self.dump).bytes_of("spectrum.csv"))


class Streams(Failures):
    def test_a_stdout_that_takes_nothing_is_an_error(self):
        for verb in (["inspect", self.dump], ["inspect", self.dump, "--json"], ["backends"], ["--help"], ["--version"], ["spectrum", "-h"]):
            for redirection in (">/dev/full", ">&-"):
                with self.subTest(verb=verb, redirection=redirection):
                    code, _, stderr = in_shell(redirection, *verb)
                    self.assertEqual(code, OUTPUT, stderr)
                    self.assertIn("attnspec: stdout: could not be written whole", stderr)

    def test_a_spectrum_whose_report_is_lost_is_an_error_and_whole_results_stay_whole(self):
        for redirection in (">/dev/full", ">&-"):
            with self.subTest(redirection=redirection):
                folder = pathlib.Path(self.path("out" + redirection.replace("/", "-")))
                code, _, stderr = in_shell(redirection, *self.words(folder))
                self.assertEqual(code, OUTPUT, stderr)
                self.assertIn("stdout", stderr)
                present = [name for name in RESULTS if (folder / name).exists()]
                self.assertIn(present, ([], RESULTS))
                self.assertEqual(in_shell(redirection, *self.words(folder, "--quiet", "--overwrite"))[0], DONE)

    def test_a_reader_that_goes_away_is_an_error_and_not_a_signal(self):
        read, write = os.pipe()
        os.close(read)
        outcome = attnspec("inspect", self.dump, stdout=write)
        os.close(write)

        self.assertEqual(outcome.code, OUTPUT, outcome.stderr)

    def test_a_stderr_that_takes_nothing_changes_no_exit_code(self):
        for redirection in ("2>/dev/full", "2>&-"):
            with self.subTest(redirection=redirection):
                self.assertEqual(in_shell(redirection, "inspect", self.path("absent.h5"))[0], INPUT)
                self.assertEqual(in_shell(redirection, "inspect", self.dump)[0], DONE)
                self.assertEqual(in_shell(redirection, *self.words(self.path("out"), "--overwrite"))[0], DONE)

    def test_closed_streams_do_not_put_words_into_files(self):
        clean = self.spectrum(self.dump)

        in_shell("<&- >&- 2>&-", *self.words(self.path("out")))
        code = in_shell("<&- >&- 2>&-", "synth", "identity", "-o", self.path("b.h5"), "--n", "16")[0]

        self.assertEqual(pathlib.Path(self.path("out/spectrum.csv")).read_bytes(), clean.bytes_of("spectrum.csv"))
        self.assertEqual(code, DONE)
        self.assertEqual(attnspec("inspect", self.path("b.h5")).code, DONE)

    def test_a_synthetic_dump_that_can_not_be_made_leaves_nothing(self):
        os.mkdir(self.path("folder"))
        for case, target in (("a dump in no folder", "absent/b.h5"), ("a dump below a file", "a.h5/b.h5"), ("a dump for a folder", "folder")):
            with self.subTest(case=case):
                outcome = attnspec("synth", "identity", "-o", self.path(target), "--n", "8", "--overwrite")
                self.assertEqual(outcome.code, OUTPUT)
                self.assertEqual(sorted(os.listdir(self.folder)), ["a.h5", "folder"])
                GOLDEN.check(self, case, outcome)


if __name__ == "__main__":
    unittest.main()
