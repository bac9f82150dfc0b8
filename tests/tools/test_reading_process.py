#!/usr/bin/env python3
"""The process that reads HDF5's metadata: what happens where it is absent, dies or lies, and what it can see; names and locks of the dump."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest
from unittest import mock

import h5py
import numpy as np

from support import program
from support.dumps import random_attention, root_attributes, write_dump
from support.program import DONE, INPUT, LIMIT, PROGRAM, SKIPPED, UNSUPPORTED, Workplace, attnspec, environment

P = random_attention(1, 2, 2, 2, 6, 6)
STRACE = shutil.which("strace")


class Helper(Workplace):
    """A copy of the built tree with another program in its place."""

    def setUp(self):
        super().setUp()
        built = pathlib.Path(PROGRAM).resolve().parents[1]
        self.tree = self.folder / "tree"
        (self.tree / "bin").mkdir(parents=True)
        (self.tree / "lib").mkdir()
        shutil.copy(PROGRAM, self.tree / "bin")
        for library in (built / "lib").glob("libattnspec*.so*"):
            shutil.copy(library, self.tree / "lib", follow_symlinks=False)
        shutil.copytree(built / "libexec", self.tree / "libexec")
        self.helper = self.tree / "libexec" / "attnspec" / "attnspec-catalog"
        self.dump = write_dump(self.path("a.h5"), P)

    def outcome(self, *words):
        with mock.patch.object(program, "PROGRAM", str(self.tree / "bin" / pathlib.Path(PROGRAM).name)):
            return attnspec(*(words or ("inspect", self.dump)), variables={"LD_LIBRARY_PATH": str(self.tree / "lib")})

    def assert_one_sentence(self, outcome, code, says):
        self.assertEqual((outcome.code, outcome.stdout), (code, ""), outcome.stderr)
        self.assertEqual(outcome.stderr.count("\n"), 1, outcome.stderr)
        self.assertTrue(outcome.stderr.startswith("attnspec: "), outcome.stderr)
        self.assertIn(says, outcome.stderr)

    def replaced_by(self, script):
        os.rename(self.helper, self.helper.with_name("real"))
        self.helper.write_text(f"#!/bin/sh\nreal={self.helper.with_name('real')}\n{script}\n")
        self.helper.chmod(0o755)

    def test_the_copied_tree_works(self):
        self.assertEqual(self.outcome().code, DONE)
        self.replaced_by('exec "$real" "$@"')
        self.assertEqual(self.outcome().code, DONE)

    def test_a_helper_that_is_not_there_is_an_installation_that_is_not_whole(self):
        self.helper.unlink()

        self.assert_one_sentence(self.outcome(), UNSUPPORTED, "attnspec-catalog is not there")
        self.assert_one_sentence(self.outcome("spectrum", self.dump, "-o", self.path("out")), UNSUPPORTED, "install or build it whole")
        self.assertFalse(os.path.exists(self.path("out")))

    def test_a_helper_that_can_not_run_is_one_that_is_not_there(self):
        with self.subTest("exit 127, as a loader without its libraries"):
            self.replaced_by("exit 127")
            self.assert_one_sentence(self.outcome(), UNSUPPORTED, "can not run here")
        with self.subTest("not executable"):
            self.helper.chmod(0o644)
            self.assert_one_sentence(self.outcome(), UNSUPPORTED, "is not there")
        with self.subTest("no interpreter"):
            self.helper.write_text("#!/no/such/program\n")
            self.helper.chmod(0o755)
            self.assert_one_sentence(self.outcome(), UNSUPPORTED, "No such file")

    def test_a_helper_that_dies_or_says_nonsense_is_a_file_that_is_not_read(self):
        scripts = {"crashes": "kill -SEGV $$", "aborts after its words": '"$real" "$@" | head -c 300; kill -ABRT $$', "gives up": "exit 1", "says nothing": "exit 0",
                   "garbage": "yes garbage | head -c 100000", "zeros": "head -c 100000 /dev/zero", "half of its words": '"$real" "$@" | head -c 300',
                   "words too many": '"$real" "$@"; echo', "its words twice": '"$real" "$@"; "$real" "$@"',
                   "a count of billions": '"$real" "$@" | { head -c 8; head -c 8 /dev/zero | tr "\\0" "\\177"; cat; }'}
        for case, script in scripts.items():
            with self.subTest(case):
                self.replaced_by(script)
                outcome = self.outcome()
                os.rename(self.helper.with_name("real"), self.helper)
                self.assert_one_sentence(outcome, INPUT, f"{self.dump}: its table of contents can not be read")

    def test_a_signal_is_named(self):
        self.replaced_by("kill -SEGV $$")

        self.assertIn("crashed on it (Segmentation fault)", self.outcome().stderr)

    def test_a_helper_that_never_ends_is_ended(self):
        """It sleeps, so that the limit of computing does not end it, and holds the pipe open through a child of its own."""
        self.replaced_by(f'echo $$ > {self.path("id")}; sleep 300 & wait')

        outcome = self.outcome()

        self.assert_one_sentence(outcome, INPUT, "did not come to an end in")
        with self.assertRaises(ProcessLookupError):
            os.kill(int(pathlib.Path(self.path("id")).read_text()), 0)

    def test_what_the_helper_claims_is_checked_against_the_file(self):
        """A table that was made for a longer file."""
        long = write_dump(self.path("long.h5"), random_attention(2, 9, 2, 2, 30, 30))
        self.replaced_by(f'exec 3<"{long}"; exec "$real" "$@"')

        outcome = self.outcome()

        self.assertEqual((outcome.code, outcome.stdout), (INPUT, ""))
        self.assertIn("beyond the end of the file", outcome.stderr)

    def test_its_words_on_stderr_and_its_environment_do_not_reach_the_user(self):
        self.replaced_by('echo "from below" >&2; exec "$real" "$@"')

        outcome = self.outcome()

        self.assertEqual(outcome.code, DONE)
        self.assertNotIn("from below", outcome.stdout + outcome.stderr)

    def test_closed_streams_are_not_mixed_up_with_its_pipe(self):
        wanted = attnspec("inspect", self.dump, "--json").stdout
        for closed in ("<&-", "2>&-", "<&- 2>&-"):
            with self.subTest(closed):
                found = subprocess.run(["sh", "-c", f'exec "$@" {closed}', "sh", PROGRAM, "inspect", self.dump, "--json"], env=environment(), capture_output=True, timeout=60)
                self.assertEqual((found.returncode, found.stdout.decode()), (DONE, wanted))


class Names(Workplace):
    def test_any_name_of_a_file_is_read(self):
        for name in ("with some spaces.h5", "-- --json.h5", "quote's \"and\" $HOME `ls` ;.h5", "new\nline.h5", "größe 注意.h5", "no ending", os.fsdecode(b"not utf \xff\xfe.h5"),
                     "%s%n.h5", "x" * 240 + ".h5"):
            with self.subTest(name):
                os.rename(write_dump(self.path("plain.h5"), P), self.folder / name)      # h5py encodes names in its own way
                results = self.spectrum(self.folder / name, "--method", "direct")
                np.testing.assert_allclose(results.h5(), np.linalg.svd(P, compute_uv=False), rtol=0, atol=1e-12)

    def test_a_link_and_a_descriptor_are_files_too(self):
        path = write_dump(self.path("a.h5"), P)
        os.symlink(path, self.path("link.h5"))

        self.assertEqual(attnspec("inspect", self.path("link.h5")).code, DONE)
        with open(path, "rb") as file:
            self.assertEqual(attnspec("inspect", "/dev/stdin", stdin=file).code, DONE)


class Locks(Workplace):
    def held(self, mode, libver, path):
        """A process that holds the dump open."""
        script = "import h5py, sys; f = h5py.File(sys.argv[1], sys.argv[2], libver=sys.argv[3]); f.flush(); print(len(f), flush=True); sys.stdin.read()"
        holder = subprocess.Popen([sys.executable, "-c", script, path, mode, libver], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(holder.communicate)
        self.assertEqual(holder.stdout.readline(), b"1\n")

    def test_a_dump_that_is_still_being_written_is_refused(self):
        for libver in ("earliest", "latest"):
            with self.subTest(libver):
                path = write_dump(self.path(f"{libver}.h5"), P)
                self.held("a", libver, path)
                for words in (["inspect", path], ["spectrum", path, "-o", self.path("out")]):
                    outcome = attnspec(*words)
                    self.assertEqual((outcome.code, outcome.stdout), (INPUT, ""))
                    self.assertEqual(outcome.stderr, f"attnspec: {path}: is still being written by another process. Wait for the writer\n")
                self.assertEqual(attnspec("inspect", path, variables={"HDF5_USE_FILE_LOCKING": "FALSE"}).code, DONE)

    def test_a_dump_that_others_read_is_read(self):
        path = write_dump(self.path("a.h5"), P)
        self.held("r", "latest", path)

        self.assertEqual(attnspec("inspect", path).code, DONE)


@unittest.skipIf(STRACE is None, "strace is not here to see which files are opened")
class Opened(Workplace):
    """Neither this process nor the other opens a file of the user's beside the dump."""

    def opened(self, path, *options):
        """Names below this test's folder that any process opened or looked at, the dump first."""
        trace = self.path("trace")
        found = subprocess.run([STRACE, "-f", "-e", "trace=%file", "-o", trace, PROGRAM, "inspect", path, *options],
                               env=environment(HDF5_PLUGIN_PATH=str(self.folder / "plugins"), HDF5_VOL_CONNECTOR="bait", HDF5_DRIVER="stdio"),
                               capture_output=True, cwd=self.folder, timeout=60)
        lines = pathlib.Path(trace).read_text(errors="replace")
        self.assertIn("attnspec-catalog", lines, "strace did not follow into the other process")
        self.assertIn(path, lines)
        return found.returncode, set(re.findall(r"(?:secret|plugins)[^\"]*", lines))

    def bait(self):
        os.makedirs(self.folder / "plugins", exist_ok=True)
        (self.folder / "plugins" / "libbait.so").write_bytes(b"\x7fELF")
        write_dump(self.path("secret.h5"), P)
        (self.folder / "secret.raw").write_bytes(P.tobytes())

    def test_links_and_storage_elsewhere_open_nothing(self):
        self.bait()
        layout = h5py.VirtualLayout(shape=P.shape, dtype=P.dtype)
        layout[:] = h5py.VirtualSource("secret.h5", "attention", shape=P.shape)
        makes = {"an external link": lambda file: file.__setitem__("attention", h5py.ExternalLink("secret.h5", "/attention")),
                 "a link to a group": lambda file: file.__setitem__("samples", h5py.ExternalLink("secret.h5", "/")),
                 "a soft link": lambda file: file.__setitem__("attention", h5py.SoftLink("/elsewhere")),
                 "a virtual dataset": lambda file: file.create_virtual_dataset("attention", layout),
                 "external storage": lambda file: file.create_dataset("attention", P.shape, P.dtype, external=[("secret.raw", 0, h5py.h5f.UNLIMITED)])}
        for case, make in makes.items():
            with self.subTest(case):
                with h5py.File(self.path("a.h5"), "w") as file:
                    root_attributes(file, 2, 2)
                    make(file)
                self.assertEqual(self.opened(self.path("a.h5")), (INPUT, set()))

    def test_the_same_beside_sound_attention_opens_nothing_and_spoils_nothing(self):
        self.bait()
        layout = h5py.VirtualLayout(shape=(2,), dtype=int)
        layout[:] = h5py.VirtualSource("secret.h5", "lengths", shape=(2,))
        with h5py.File(write_dump(self.path("a.h5"), P), "a") as file:
            file["other"] = h5py.ExternalLink("secret.h5", "/attention")
            file.create_virtual_dataset("virtual", layout)
            file.create_dataset("external", (2,), int, external=[("secret.raw", 0, h5py.h5f.UNLIMITED)])

        self.assertEqual(self.opened(self.path("a.h5")), (DONE, set()))

    def test_no_filter_plugin_is_looked_for(self):
        self.bait()
        zstd = 32015
        for name, dtype, shape, code in (("attention", h5py.h5t.IEEE_F64LE, P.shape, INPUT), ("lengths", h5py.h5t.STD_I64LE, (2,), INPUT),
                                         ("other", h5py.h5t.STD_I64LE, (2,), DONE)):
            with self.subTest(name):
                creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
                creation.set_chunk(shape)
                creation.set_filter(zstd, h5py.h5z.FLAG_OPTIONAL, (3,))
                path = write_dump(self.path("a.h5"), P)
                with h5py.File(path, "a") as file:
                    if name in file:
                        del file[name]
                    dataset = h5py.h5d.create(file.id, name.encode(), dtype, h5py.h5s.create_simple(shape), creation)
                    dataset.write_direct_chunk((0,) * len(shape), b"\x28\xb5\x2f\xfd" + bytes(60), 0)
                self.assertEqual(self.opened(path), (code, set()))


class Small(Workplace):
    """Files that promise much cost little."""

    # A bare Python in between: Linux counts the memory of the process before exec to that after it.
    MEASURE = ("import json, os, resource, sys, time; resource.setrlimit(resource.RLIMIT_CPU, (5, 5)); start = time.monotonic(); child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ); "
               "_, status, usage = os.wait4(child, 0); "
               "print(json.dumps([os.waitstatus_to_exitcode(status), usage.ru_maxrss * 1024, time.monotonic() - start]), file=sys.stderr)")

    def assert_cheap(self, path, codes, *options):
        for words in (["inspect", path], ["spectrum", path, "-o", self.path("out"), "--figures", "none"]):
            found = subprocess.run([sys.executable, "-S", "-c", self.MEASURE, PROGRAM, *words, *options], env=environment(), capture_output=True, text=True, timeout=60)
            code, memory, seconds = json.loads(found.stderr.splitlines()[-1])
            self.assertIn(code, codes, found.stderr)
            self.assertLess(memory, 100e6, found.stderr)
            self.assertLess(seconds, 1.0, found.stderr)

    def test_a_chunk_of_4_gib_in_a_file_of_4_megabytes(self):
        side = 32767
        with h5py.File(self.path("a.h5"), "w") as file:
            root_attributes(file, 1, 1)
            dataset = file.create_dataset("attention", (1, 1, 1, side, side), "f4", chunks=(1, 1, 1, side, side), compression="gzip")
            dataset.id.write_direct_chunk((0,) * 5, os.urandom(4_000_000))
        self.assertLess(os.path.getsize(self.path("a.h5")), 5e6)

        self.assert_cheap(self.path("a.h5"), [INPUT])

    def test_lengths_in_a_chunk_of_4_gib(self):
        with h5py.File(write_dump(self.path("a.h5"), P), "a") as file:
            dataset = file.create_dataset("lengths", (2,), "i8", chunks=(2 ** 29 - 1,), maxshape=(None,), compression="gzip")
            dataset.id.write_direct_chunk((0,), os.urandom(4_000_000))

        self.assert_cheap(self.path("a.h5"), [INPUT])

    def assert_shape_is_cheap(self, shape, **storage):
        with h5py.File(self.path("a.h5"), "w") as file:
            file.create_dataset("attention", shape, "f2", **storage)
        self.assertLess(os.path.getsize(self.path("a.h5")), 5000)
        self.assert_cheap(self.path("a.h5"), [INPUT, SKIPPED, LIMIT], "--axes", "SLHQK")

    def test_20_billion_numbers_in_a_file_of_a_kilobyte(self):
        self.assert_shape_is_cheap((1, 1, 1, 141422, 141422))
        self.assert_shape_is_cheap((1, 1, 1, 141422, 141422), chunks=(1, 1, 1, 64, 64))

    def test_20_billion_matrices_in_a_file_of_a_kilobyte(self):
        self.assert_shape_is_cheap((20000, 1000, 1000, 1, 1))
        self.assert_shape_is_cheap((2000, 1000, 1000, 100, 100), chunks=(1, 1, 1, 100, 100))


if __name__ == "__main__":
    unittest.main()
