#!/usr/bin/env python3
"""Files that mean harm, or are badly damaged: no crash, no hang, no memory beyond the limit, no look into another file."""

import os
import pathlib
import resource
import shutil
import subprocess
import unittest
import zlib

import h5py
import numpy as np

from support.dumps import random_attention, root_attributes, write_dump
from support.program import DONE, INPUT, LIMIT, PROGRAM, SANITIZED, SKIPPED, environment, start
from support.refusals import Refusals

P = random_attention(1, 2, 2, 2, 6, 6)
STRACE = shutil.which("strace")


def limited():
    """Before the program runs: 4 GiB of addresses and 3 s of processor."""
    resource.setrlimit(resource.RLIMIT_AS, (2 ** 32, 2 ** 32))
    resource.setrlimit(resource.RLIMIT_CPU, (3, 3))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


class HostileFiles(Refusals):
    """Files made to hurt: they end with a known exit code, soon, and in little memory."""

    def measured(self, *words):
        """Exit code, stderr and peak memory in bytes, under limits that keep this machine alive."""
        with start(*words, stdout=subprocess.DEVNULL, preexec_fn=limited) as process:
            stderr = process.stderr.read().decode(errors="replace")
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        return process.returncode, stderr, usage.ru_maxrss * 1024

    @unittest.skipIf(SANITIZED, "the sanitizer needs terabytes of addresses")
    def test_shapes_that_are_declared_and_not_stored_cost_no_memory(self):
        for shape in ((2 ** 31, 1, 1, 6, 6), (1, 2 ** 31, 1, 6, 6), (1, 1, 2 ** 31, 6, 6), (1, 1, 1, 2 ** 20, 2 ** 20), (2 ** 40, 1, 1, 6, 6)):
            with self.subTest(shape=shape):
                with h5py.File(self.path("a.h5"), "w") as file:
                    root_attributes(file, shape[1], shape[2])
                    file.create_dataset("attention", shape, "f4", chunks=(1, 1, 1, 6, 6))
                self.assertLess(os.path.getsize(self.path("a.h5")), 20_000)
                for verb in (["inspect"], ["spectrum", "-o", self.path("out"), "--figures", "none"]):
                    code, stderr, memory = self.measured(*verb, self.path("a.h5"), "--max-memory", "1G")
                    self.assertIn(code, (INPUT, LIMIT), stderr)
                    self.assertLess(memory, 2 ** 28)
                    self.assertNotIn("out of memory", stderr)
                self.assertFalse(os.path.exists(self.path("out")))

    @unittest.skipIf(SANITIZED, "the sanitizer needs terabytes of addresses")
    def test_a_chunk_larger_than_the_memory_is_refused(self):
        with h5py.File(self.path("a.h5"), "w") as file:
            root_attributes(file, 1, 1)
            dataset = file.create_dataset("attention", (1, 1, 1, 8, 8), "f4", chunks=(1, 1, 1, 8192, 8192), maxshape=(1, 1, 1, None, None),
                                          compression="gzip")
            dataset.id.write_direct_chunk((0, 0, 0, 0, 0), zlib.compress(bytes(2 ** 28), 1))

        code, stderr, memory = self.measured("inspect", self.path("a.h5"), "--max-memory", "100M")

        self.assertIn(code, (INPUT, LIMIT), stderr)
        self.assertLess(memory, 2 ** 28)


class OtherFiles(Refusals):
    """Attention that lies in another file: refused, and that file is never opened."""

    def setUp(self):
        super().setUp()
        self.secret = write_dump(self.path("secret.h5"), P)

    def refused_without_a_look(self, path, other, says):
        self.assert_refused("attention elsewhere", path, says=says)
        self.assert_never_opened(path, other)

    def assert_never_opened(self, path, other):
        if STRACE is None:
            self.skipTest("strace is not here to see which files are opened")
        trace = self.path("trace")
        subprocess.run([STRACE, "-f", "-e", "trace=open,openat,openat2,stat,newfstatat", "-o", trace, PROGRAM, "spectrum", path, "-o", self.path("out"),
                        "--figures", "none"], env=environment(), capture_output=True, timeout=60)
        with open(trace) as lines:
            opened = [line for line in lines if "open" in line]
        self.assertTrue(any(path in line for line in opened), "strace saw nothing")
        self.assertEqual([line for line in opened if other in line], [])

    def test_an_external_link_is_not_followed(self):
        with h5py.File(self.path("a.h5"), "w") as file:
            root_attributes(file, 2, 2)
            file["attention"] = h5py.ExternalLink("secret.h5", "/attention")

        self.refused_without_a_look(self.path("a.h5"), "secret.h5", says="link")

    def test_a_virtual_dataset_is_not_read(self):
        layout = h5py.VirtualLayout(shape=P.shape, dtype=P.dtype)
        layout[:] = h5py.VirtualSource("secret.h5", "attention", shape=P.shape)
        with h5py.File(self.path("a.h5"), "w") as file:
            root_attributes(file, 2, 2)
            file.create_virtual_dataset("attention", layout)

        self.refused_without_a_look(self.path("a.h5"), "secret.h5", says="virtual")

    def test_a_virtual_dataset_without_limits_is_not_read(self):
        everything = h5py.h5s.create_simple(P.shape, (h5py.h5s.UNLIMITED,) + P.shape[1:])
        everything.select_hyperslab((0,) * 5, (1,) * 5, (1,) * 5, (h5py.h5s.UNLIMITED,) + P.shape[1:])
        creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        creation.set_virtual(everything, b"secret.h5", b"/attention", everything)
        with h5py.File(self.path("a.h5"), "w") as file:
            root_attributes(file, 2, 2)
            h5py.h5d.create(file.id, b"attention", h5py.h5t.IEEE_F64LE, everything, creation)

        self.refused_without_a_look(self.path("a.h5"), "secret.h5", says="virtual")

    def external(self, name, values):
        raw = self.written("secret.raw", np.ascontiguousarray(values).tobytes())
        with h5py.File(self.path("a.h5"), "a") as file:
            file.create_dataset(name, values.shape, values.dtype, external=[(raw, 0, h5py.h5f.UNLIMITED)])
        return self.path("a.h5")

    def test_external_storage_is_not_read(self):
        with h5py.File(self.path("a.h5"), "w") as file:
            root_attributes(file, 2, 2)

        self.refused_without_a_look(self.external("attention", P), "secret.raw", says="external storage")

    def test_lengths_in_external_storage_are_not_read(self):
        write_dump(self.path("a.h5"), P)

        self.refused_without_a_look(self.external("lengths", np.array([6, 6])), "secret.raw", says="/lengths")

    def test_lengths_in_a_virtual_dataset_are_not_read(self):
        write_dump(self.secret, P, lengths=np.array([6, 6]))
        layout = h5py.VirtualLayout(shape=(2,), dtype=np.int64)
        layout[:] = h5py.VirtualSource("secret.h5", "lengths", shape=(2,))
        with h5py.File(write_dump(self.path("a.h5"), P), "a") as file:
            file.create_virtual_dataset("lengths", layout)

        self.refused_without_a_look(self.path("a.h5"), "secret.h5", says="/lengths")


if __name__ == "__main__":
    unittest.main()
