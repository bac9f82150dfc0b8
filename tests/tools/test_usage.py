#!/usr/bin/env python3
"""Command lines that make no sense, things that are absent, limits; and what reaches stdout and stderr when all is well."""
# Golden: tests/tools/golden/usage.txt, made by: ATTNSPEC_WRITE_GOLDEN=1 /usr/bin/python3 tests/tools/test_usage.py

import json
import os
import pty
import shutil
import unittest

import h5py

from support.dumps import random_attention, root_attributes, write_dump
from support.program import DONE, INPUT, LIMIT, OUTPUT, PROGRAM, UNSUPPORTED, USAGE, Golden, Workplace, attnspec, start

GOLDEN = Golden("usage.txt")


class CommandLine(Workplace):
    def setUp(self):
        super().setUp()
        self.dump = write_dump(self.path("a.h5"), random_attention(1, 2, 3, 2, 8, 8))

    def assert_fails(self, code, *words):
        """With its golden message, and before any output is made."""
        words = [str(word) for word in words]
        outcome = attnspec(*words, cwd=self.folder)
        made = sorted(set(os.listdir(self.folder)) - {"a.h5"})
        for name in made:
            shutil.rmtree(self.folder / name)       # or the next case of this test would find it
        self.assertEqual(outcome.code, code, outcome.stderr)
        self.assertEqual(outcome.stdout, "")
        self.assertEqual(made, [])
        GOLDEN.check(self, " ".join(word.replace(str(self.folder), "DIR") for word in words) or "no words", outcome)

    def test_a_mistyped_verb_or_option_gets_the_nearest_right_one(self):
        for words in (["spectrm", "a.h5"], ["inspct"], ["Spectrum"], ["verfy"], ["xyzzy"], ["spectrum", "a.h5", "--layrs", "0"],
                      ["spectrum", "a.h5", "--ouput=x"], ["spectrum", "a.h5", "--max-memmory", "1G"], ["inspect", "--quik", "a.h5"],
                      ["spectrum", "a.h5", "--xyzzyxyzzy"], ["--versoin"], ["synth", "identity", "--block-size", "3"]):
            with self.subTest(words=words):
                self.assert_fails(USAGE, *words)

    def test_the_nearest_name_is_the_right_one(self):
        self.assertIn("did you mean spectrum?", attnspec("spectrm").stderr)
        self.assertIn("did you mean --layers?", attnspec("spectrum", "a.h5", "--layrs", "0").stderr)

    def test_values_that_make_no_sense_are_usage_errors(self):
        for option, values in {"--layers": ["3", "0-3", "x", "1-", "-1", "2-1", "0,,1", "0x1", "99999999999999999999"], "--heads": ["2"], "--samples": ["0-2"],
                               "--axes": ["SLQHK", "SSLQK", "SLHQ", "slhqk", "XLHQK"], "--figures": ["gif", "svg,gif", "svg,none"],
                               "--max-memory": ["much", "0", "-1G", "8X", "G", "1e9", "99999999999999999999", "99999999999G"],
                               "--threads": ["0", "-1", "x", "1.5"], "--device": ["gpu"], "--method": ["nonsense"],
                               "--weight": ["mass"], "--stage": ["scores"], "--on-bad": ["ignore"], "--color": ["red"], "--progress": ["bar"],
                               "--length": ["7", "x"]}.items():
            for value in values:
                with self.subTest(option=option, value=value):
                    self.assert_fails(USAGE, "spectrum", "a.h5", option, value)

    def test_a_number_out_of_range_is_refused_in_words_that_can_be_read(self):
        for words in (["spectrum", "a.h5", "--index", "0"], ["spectrum", "a.h5", "--index", "-1"], ["spectrum", "a.h5", "--index", "x"],
                      ["synth", "identity", "-o", "b.h5", "--heads", "0"], ["synth", "identity", "-o", "b.h5", "--samples", "-1"]):
            with self.subTest(words=words):
                outcome = attnspec(*words, cwd=self.folder)
                self.assertEqual(outcome.code, USAGE, outcome.stderr)
                self.assertLess(len(outcome.stderr), 200, outcome.stderr)

    def test_a_negative_number_is_repeated_as_it_was_typed(self):
        for words in (["spectrum", "a.h5", "--length", "-1"], ["synth", "blocks", "-o", "b.h5", "--block", "-1", "--overwrite"],
                      ["synth", "banded", "-o", "b.h5", "--width", "-1", "--overwrite"]):
            with self.subTest(words=words):
                outcome = attnspec(*words, cwd=self.folder)
                self.assertEqual(outcome.code, USAGE, outcome.stderr)
                self.assertIn("-1", outcome.stderr)
                self.assertNotIn("1844674407370955161", outcome.stderr)

    def test_words_too_few_or_too_many_are_usage_errors(self):
        for words in ([], ["spectrum"], ["inspect"], ["spectrum", "a.h5", "-o"], ["spectrum", "a.h5", "--layers"], ["backends", "a.h5"],
                      ["spectrum", "a.h5", "-q"], ["spectrum", "a.h5", "--figures", ""], ["synth"], ["synth", "identity"], ["synth", "random", "-o"], ["spectrum", "a.h5", "a.h5"]):
            with self.subTest(words=words):
                outcome = attnspec(*words, cwd=self.folder)
                self.assertEqual(outcome.code, USAGE, outcome.stderr)

    def test_a_synthetic_dump_that_can_not_be_is_refused_before_a_file_is_made(self):
        for words in (["identty", "-o", "b.h5"], ["blocks", "-o", "b.h5", "--block", "0"], ["banded", "-o", "b.h5", "--n", "4"],
                      ["spectrum", "-o", "b.h5", "--n", "8", "--sigma", "2"], ["spectrum", "-o", "b.h5", "--n", "8", "--sigma", "0.9,0.9"],
                      ["spectrum", "-o", "b.h5", "--n", "2", "--sigma", "0.1,0.1"], ["identity", "-o", "b.h5", "--n", "0"],
                      ["identity", "-o", "b.h5", "--dtype", "f8"], ["random", "-o", "b.h5", "--logit-sd", "-1"],
                      ["random", "-o", "b.h5", "--logit-sd", "nan"], ["identity", "-o", "a.h5"]):
            with self.subTest(words=words):
                self.assert_fails(OUTPUT if words[-1] == "a.h5" else USAGE, "synth", *words)

    def test_a_method_that_the_gpu_does_not_have_is_never_replaced_in_silence(self):
        self.assert_fails(UNSUPPORTED, "spectrum", "a.h5", "--device", "cuda", "--method", "reference")

    def test_too_little_memory_is_a_limit_and_says_how_much_is_needed(self):
        self.assert_fails(LIMIT, "spectrum", "a.h5", "--max-memory", "1M")
        outcome = attnspec("inspect", "a.h5", "--max-memory", "1000", cwd=self.folder)
        self.assertEqual(outcome.code, LIMIT)
        self.assertNotIn("unlike lengths", outcome.stderr)          # it has one length

    def test_a_file_that_declares_more_than_the_memory_is_a_limit(self):
        with h5py.File(self.dump, "w") as file:
            root_attributes(file, 1, 1)
            attention = file.create_dataset("attention", (1, 1, 1, 200_000, 200_000), "f2", chunks=(1, 1, 1, 1000, 1000), compression="gzip")
            attention[0, 0, 0, 0, 0] = 1

        self.assertLess(os.path.getsize(self.dump), 20_000)
        self.assert_fails(LIMIT, "spectrum", "a.h5", "--max-memory", "8G")
        self.assert_fails(LIMIT, "inspect", "a.h5", "--max-memory", "8G")

    def test_several_dumps_need_a_folder(self):
        self.assert_fails(USAGE, "spectrum", "a.h5", "a.h5")

    def test_a_missing_dump_after_a_good_one_stops_before_any_output(self):
        self.assert_fails(INPUT, "spectrum", "a.h5", "absent.h5", "-o", "out")


class Streams(Workplace):
    def setUp(self):
        super().setUp()
        self.dump = write_dump(self.path("a.h5"), random_attention(1, 2, 3, 2, 8, 8))

    def words(self, *more):
        return ["spectrum", self.dump, "-o", self.path("out"), "--overwrite", "--figures", "none", *more]

    def test_a_quiet_success_says_nothing(self):
        outcome = attnspec(*self.words("--quiet"))

        self.assertEqual(outcome, (DONE, "", ""))

    def test_a_success_has_its_result_on_stdout_and_what_auto_took_on_stderr(self):
        outcome = attnspec(*self.words())

        self.assertEqual((outcome.code, outcome.stderr), (DONE, "attnspec: auto takes device cpu, method gram\n"))
        self.assertIn("effective rank", outcome.stdout)

    def test_json_on_stdout_is_the_manifest_and_nothing_else(self):
        for more in (["--json"], ["--json", "--quiet"]):
            manifest = json.loads(attnspec(*self.words(*more)).stdout)
            self.assertEqual(manifest["verb"], "spectrum")

    def test_json_of_every_verb_is_valid_for_one_dump_and_for_two(self):
        self.assertEqual(json.loads(attnspec("inspect", self.dump, "--json").stdout)["sound"], True)
        self.assertIn("backends", json.loads(attnspec("backends", "--json").stdout))
        json.loads(attnspec("inspect", self.dump, self.dump, "--json").stdout)

    def test_no_escape_codes_reach_a_pipe_whatever_the_model_is_called(self):
        write_dump(self.dump, random_attention(1, 1, 1, 1, 8, 8), model_id="\x1b[31mred\x07")
        for words in (self.words(), ["inspect", self.dump], ["backends"], ["--help"], ["spectrum", "-h"], ["--version"]):
            with self.subTest(words=words):
                outcome = attnspec(*words)
                self.assertEqual(outcome.code, DONE)
                self.assertNotIn("\x1b", outcome.stdout + outcome.stderr)

    def on_a_terminal(self, *words, **variables):
        """What it writes to a terminal."""
        try:
            leader, follower = pty.openpty()
        except OSError as error:
            self.skipTest(f"no terminal can be made here: {error}")
        with start(*words, stdout=follower, stderr=follower, variables=variables) as process:
            os.close(follower)
            text = b""
            try:
                while part := os.read(leader, 4096):
                    text += part
            except OSError:                      # the terminal's other side is closed
                pass
            os.close(leader)
            process.wait()
        return text.decode()

    def test_colour_is_for_terminals_and_NO_COLOR_turns_it_off(self):
        self.assertIn("\x1b[1m", self.on_a_terminal("backends"))
        self.assertNotIn("\x1b", self.on_a_terminal("backends", NO_COLOR="1"))
        self.assertIn("\x1b[1m", self.on_a_terminal("backends", NO_COLOR=""))     # no-color.org: when not an empty string
        self.assertNotIn("\x1b", self.on_a_terminal("backends", "--color", "never"))
        self.assertIn("\x1b[1m", attnspec("backends", "--color", "always").stdout)

    def test_bars_are_plain_ascii_where_the_locale_is(self):
        outcome = attnspec(*self.words(), variables={"LC_ALL": "C"})

        self.assertTrue(outcome.stdout.isascii())
        self.assertIn("###", outcome.stdout)

    def test_help_of_every_verb_begins_with_what_it_answers_and_shows_examples(self):
        for verb in ("inspect", "spectrum", "backends", "synth"):
            outcome = attnspec(verb, "-h")
            self.assertEqual((outcome.code, outcome.stderr), (DONE, ""))
            self.assertLess(outcome.stdout.index("Examples:"), outcome.stdout.index("Usage:"))
            self.assertIn("attnspec " + verb, outcome.stdout)
            self.assertEqual(attnspec(verb, "--help").stdout, outcome.stdout)

    def test_the_version_has_name_and_number_on_its_first_line(self):
        self.assertRegex(attnspec("--version").stdout, r"\Aattnspec \d+\.\d+\.\d+\n")

    def test_a_program_called_from_anywhere_finds_its_libraries(self):
        self.assertEqual(attnspec("backends", cwd="/").code, DONE, PROGRAM)


if __name__ == "__main__":
    unittest.main()
