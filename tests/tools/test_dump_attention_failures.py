#!/usr/bin/env python3
"""What tools/dump_attention.py says, what it refuses, and what it leaves behind.

Run as a script: exit code 0 passed, 1 failed, 77 skipped where torch, transformers or h5py is missing (what needs none
of them is tested all the same).
"""

import fcntl
import io
import os
import resource
import signal
import subprocess
import sys
import time
import unittest.mock

from support.models import MISSING, SMALL, TOOL, WithModels, Workplace, main, run

if not MISSING:
    import h5py
    import torch
    import transformers

    from attention_dump import checks
    from attention_dump.disk import Disk
    from attention_dump.dumpfile import DumpFile
    from attention_dump.errors import DumpError
    from attention_dump.interrupts import Interrupted, raised
    from attention_dump.progress import Progress


class WithoutPackages(Workplace):
    def test_help_begins_with_the_examples(self):
        code, said = run("--help")
        self.assertEqual(code, 0)
        self.assertTrue(said.startswith("examples:"), said)
        self.assertIn("exit codes:", said)

    def test_help_and_version_import_neither_torch_nor_h5py(self):
        program = (f"import sys; sys.path.insert(0, {str(TOOL.parent)!r}); sys.argv = ['x', '--help']\n"
                   "import dump_attention\n"
                   "try: dump_attention.main()\n"
                   "except SystemExit: pass\n"
                   "sys.exit(bool({'torch', 'h5py', 'numpy', 'transformers'} & set(sys.modules)))")
        self.assertEqual(subprocess.run([sys.executable, "-c", program], stdout=subprocess.DEVNULL).returncode, 0)
        self.assertEqual(run("--version")[0], 0)

    def test_each_usage_error_exits_2_and_names_the_argument(self):
        whole = ("m", self.text, "-o", self.dump)
        self.refused(2, ["-o/--output"], ("m", self.text))
        self.refused(2, ["MODEL, TEXT"], ("-o", self.dump))
        self.refused(2, ["--store", "query and key"], (*whole, "--store", "value"))
        self.refused(2, ["--store", "'values'"], (*whole, "--store", "values"))
        self.refused(2, ["--samples", "'0'"], (*whole, "--samples", "0"))
        self.refused(2, ["--layers", "'3-1'"], (*whole, "--layers", "3-1"))
        self.refused(2, ["--dtype", "f64"], (*whole, "--dtype", "f64"))
        self.refused(2, ["--lenght"], (*whole, "--lenght", "12"))

    def test_a_missing_text_exits_3(self):
        self.refused(3, ["nothere.txt", "no such text"], ("m", self.folder / "nothere.txt", "-o", self.dump))
        self.refused(3, [str(self.folder), "could not be read"], ("m", self.folder, "-o", self.dump))

    def test_an_output_that_cannot_be_written_exits_4(self):
        self.refused(4, ["no directory", "mkdir"], ("m", self.text, "-o", self.folder / "absent" / "dump.h5"))
        self.refused(4, ["is a directory"], ("m", self.text, "-o", self.folder))

    def test_an_existing_dump_is_refused_and_left_as_it_was(self):
        self.dump.write_bytes(b"precious")
        self.refused(4, ["exists", "--overwrite"], ("m", self.text, "-o", self.dump))
        self.assertEqual(self.dump.read_bytes(), b"precious")

    def test_a_missing_package_exits_6_and_is_named(self):
        for package in ("h5py", "torch", "transformers"):
            shadow = self.folder / package
            shadow.mkdir()
            (shadow / f"{package}.py").write_text(f"raise ImportError('no {package} here', name='{package}')")
            for other in {"h5py", "torch", "transformers"} - {package}:
                (shadow / f"{other}.py").write_text("")
            found = subprocess.run([sys.executable, TOOL, "m", self.text, "-o", self.dump], stderr=subprocess.PIPE,
                                   text=True, env={**os.environ, "PYTHONPATH": str(shadow)})
            self.assertEqual(found.returncode, 6, found.stderr)
            self.assertIn(f"package {package} ", found.stderr)
            self.assertIn("pip install", found.stderr)

class Refused(WithModels):
    def test_a_model_that_cannot_be_loaded_exits_3(self):
        whole = (self.text, "-o", self.dump)
        (self.folder / "empty").mkdir()
        self.refused(3, ["no config.json"], (self.folder / "empty", *whole))
        self.refused(3, ["no-such/model", "no such model"], ("no-such/model", *whole))
        self.refused(3, ["--random-weights"], (self.bert(), *whole))
        mamba = self.config(transformers.MambaConfig(hidden_size=16, num_hidden_layers=1, vocab_size=300))
        self.refused(3, ["no attention"], (mamba, *whole, "--random-weights", 1, "--length", 8))
        vit = self.config(transformers.ViTConfig(hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
                                                 intermediate_size=16))
        self.refused(3, ["pixel_values"], (vit, *whole, "--random-weights", 1))

    def test_weights_without_a_tokenizer_ask_for_one(self):
        folder = self.bert()
        transformers.BertModel(transformers.BertConfig.from_pretrained(folder)).save_pretrained(folder)
        self.refused(3, ["no tokenizer", "--tokenizer"], (folder, self.text, "-o", self.dump))

    def test_an_option_that_does_not_fit_the_model_exits_2(self):
        whole = (self.bert(), self.text, "-o", self.dump, "--random-weights", 1)
        self.refused(2, ["--length 65", "64 positions"], (*whole, "--length", 65))
        # RoBERTa counts its positions from padding_idx + 1 = 2: two of the 66 are never reached.
        roberta = self.config(transformers.RobertaConfig(**SMALL, max_position_embeddings=66, pad_token_id=1))
        self.refused(2, ["--length 65", "64 positions"], (roberta, *whole[1:], "--length", 65))
        self.refused(2, ["--stack cross", "one stack"], (*whole, "--stack", "cross"))
        self.refused(2, ["layer 3", "0 to 2"], (*whole, "--layers", "1-3"))

    def test_a_text_that_does_not_fit_exits_3(self):
        model = self.bert()
        short, latin = self.folder / "short.txt", self.folder / "latin.txt"
        short.write_text("In the beginning")
        latin.write_bytes("caf\u00e9".encode("latin-1"))
        options = ("-o", self.dump, "--random-weights", 1)
        self.refused(3, ["short.txt", "16 tokens", "0 samples of 64"], (model, short, *options))
        self.refused(3, ["expected 3", "--per-line"], (model, short, *options, "--samples", 3, "--length", 6))
        self.refused(3, ["1 lines", "expected 2"], (model, short, *options, "--samples", 2, "--per-line"))
        self.refused(3, ["byte 3", "UTF-8"], (model, latin, *options))

    def test_rows_that_do_not_sum_to_one_are_refused_at_the_worst_row(self):
        attention = torch.full((2, 4, 4), 0.25)
        attention[1, 2, 3] = 0.15
        with self.assertRaisesRegex(DumpError, "layer 5, head 1: row 2 sums to 0.9,"):
            checks.check_probabilities(attention, "layer 5", checks.row_sum_tolerance(["f16"], 4), at_most_one=False)
        checks.check_probabilities(attention, "layer 5", checks.row_sum_tolerance(["f16"], 4), at_most_one=True)
        attention[1, 2, 3] = 0.35
        with self.assertRaisesRegex(DumpError, "at most 1"):
            checks.check_probabilities(attention, "layer 5", checks.row_sum_tolerance(["f16"], 4), at_most_one=True)


class LeftBehind(WithModels):
    def test_a_full_disk_exits_4_and_leaves_nothing(self):
        model = self.bert()
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        for store in ("attention", "query,key"):
            try:
                # A file may not pass 20 kB: the write itself fails, as on a full disk.
                resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
                self.refused(4, ["dump.h5", "could not be written (File too large)"],
                             (model, self.text, "-o", self.dump, "--random-weights", 1, "--samples", 8,
                              "--store", store))
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, before)

    def test_two_runs_with_one_output_do_not_write_into_each_other(self):
        part = self.folder / ".dump.h5.part"
        with open(part, "w+b") as other:
            other.write(b"another run's bytes")
            other.flush()
            fcntl.flock(other, fcntl.LOCK_EX)
            self.refused(4, ["another run"], (self.bert(), self.text, "-o", self.dump, "--random-weights", 1))
            self.assertEqual(part.read_bytes(), b"another run's bytes")

        self.written(self.bert())
        self.assertFalse(part.exists())

    def test_overwrite_replaces_a_dump_only_when_the_new_one_is_whole(self):
        self.dump.write_bytes(b"old")
        model = self.bert()
        self.refused(2, ["0 to 2"],
                     (model, self.text, "-o", self.dump, "--overwrite", "--random-weights", 1, "--layers", "9"))
        self.assertEqual(self.dump.read_bytes(), b"old")
        self.written(model, "--overwrite")

    def test_a_killed_run_leaves_no_dump_and_an_interrupted_one_nothing(self):
        model = self.bert()
        runs = {}
        for number in (signal.SIGKILL, signal.SIGINT):
            dump = self.folder / f"{number.name}.h5"
            command = [sys.executable, TOOL, model, self.text, "-o", dump, "--random-weights", "1", "--samples", "600",
                       "--length", "20", "--store", "attention,query,key", "--quiet"]
            runs[number] = (subprocess.Popen(command, stderr=subprocess.PIPE, text=True), dump)
        self.addCleanup(lambda: [(process.kill(), process.wait()) for process, _ in runs.values()])
        for number, (process, dump) in runs.items():
            part = dump.with_name(f".{dump.name}.part")
            deadline = time.monotonic() + 120
            while not (part.exists() and part.stat().st_size > 100_000):
                self.assertIsNone(process.poll(), "the run ended before it could be stopped")
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.02)
            process.send_signal(number)

        for number, code in ((signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130)):
            process, dump = runs[number]
            said = process.communicate(timeout=30)[1]
            self.assertEqual(process.returncode, code, said)
            self.assertFalse(dump.exists())
        self.assertIn("interrupted", said)
        self.assertFalse((self.folder / ".SIGINT.h5.part").exists())
        try:
            with h5py.File(self.folder / ".SIGKILL.h5.part", "r") as part:
                self.assertNotEqual(part.attrs["complete"], 1)
        except OSError:
            pass        # cut in the middle of a write: not even an HDF5 file

    def test_an_interrupt_in_the_middle_of_a_write_waits_until_hdf5_is_done(self):
        def interrupted_write(disk, data):
            os.kill(os.getpid(), signal.SIGINT)
            return write(disk, data)

        write = Disk.write
        with raised(), self.assertRaises(Interrupted), DumpFile(str(self.dump), "f32", compress=False) as file:
            file.create("query", (1, 1, 1, 4, 4))
            with unittest.mock.patch.object(Disk, "write", interrupted_write):
                file.flush()
        self.assertEqual(list(self.folder.glob(".*.part")), [])


class Said(WithModels):
    def test_progress_counts_and_tells_the_time_left(self):
        stream = io.StringIO()
        progress = Progress(samples=10, layers=2, stream=stream)
        progress._started = progress._last = time.monotonic() - 100
        progress.layer_done(4, 1)
        progress.layer_done(5, 0)
        self.assertEqual(stream.getvalue(), "sample 5 of 10, layer 2 of 2, 50 %, 1 min 40 s left\n")


if __name__ == "__main__":
    main()
