#!/usr/bin/env python3
"""What a start loads: nothing of CUDA, and OpenBLAS only when something is computed."""
import subprocess
import tempfile
import unittest

from support.program import PROGRAM, TESTS

DUMP = str(TESTS.parents[1] / "sample_data" / "minilm-128.h5")


def loaded(*words):
    """The libraries that the dynamic linker opens during a run."""
    outcome = subprocess.run([PROGRAM, *words], env={"LD_DEBUG": "files", "LC_ALL": "C", "PATH": "/usr/bin:/bin"}, capture_output=True, text=True,
                             check=True)
    return {line.split("file=")[1].split()[0] for line in outcome.stderr.splitlines() if "file=" in line}


def named(libraries, *parts):
    return sorted(library for library in libraries if any(part in library for part in parts))


class StartUp(unittest.TestCase):
    def test_a_version_loads_neither_cuda_nor_blas(self):
        libraries = loaded("--version")

        self.assertTrue(named(libraries, "libattnspec"), "the linker's words were not understood")
        self.assertEqual(named(libraries, "cuda", "cublas", "cusolver", "openblas", "lapack"), [])

    def test_a_run_on_the_cpu_loads_blas_and_nothing_of_cuda(self):
        with tempfile.TemporaryDirectory() as folder:
            libraries = loaded("spectrum", DUMP, "-o", f"{folder}/out", "--samples", "0", "--layers", "0", "--figures", "none")

        self.assertTrue(named(libraries, "openblas"))
        self.assertEqual(named(libraries, "libcuda", "libcublas", "libcusolver", "attnspec-cuda"), [])


if __name__ == "__main__":
    unittest.main()
