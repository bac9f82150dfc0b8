"""Runs attnspec, and reads what it left behind."""

import functools
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest
from typing import NamedTuple

import h5py
import pandas

TESTS = pathlib.Path(__file__).resolve().parents[1]
ROOT = TESTS.parents[1]
PROGRAM = os.environ.get("ATTNSPEC") or str(ROOT / "build" / "dev" / "bin" / "attnspec")
LONGEST_RUN = 120   # seconds: a hang is a failure, not a stuck suite
# Every result is fsynced, which a disk answers slowly; memory does not.
SCRATCH = os.environ.get("TMPDIR") or ("/dev/shm" if os.access("/dev/shm", os.W_OK) else None)

DONE, USAGE, INPUT, OUTPUT, SKIPPED, UNSUPPORTED, LIMIT = 0, 2, 3, 4, 5, 6, 7
INTERRUPTED, TERMINATED = 130, 143
RESULTS = ["run.json", "spectrum.csv", "spectrum.h5", "summary.csv"]
SANITIZED = "ATTNSPEC_SANITIZED" in os.environ  # by the preset asan: its shadow is not attnspec's memory


class Outcome(NamedTuple):
    code: int
    stdout: str
    stderr: str


def environment(**changes):
    """This process's environment without what changes attnspec's words or colours."""
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "HDF5_PLUGIN_PATH")}
    return {**kept, "LC_ALL": "C.UTF-8", **changes}


def start(*words, **options):
    """The running program."""
    options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.Popen([PROGRAM, *map(str, words)], env=environment(**options.pop("variables", {})), **options)


def attnspec(*words, **options):
    """Runs it to its end. A stream that is not captured reads as empty."""
    with start(*words, **options) as process:
        try:
            stdout, stderr = process.communicate(timeout=LONGEST_RUN)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    return Outcome(process.returncode, (stdout or b"").decode(errors="replace"), (stderr or b"").decode(errors="replace"))


class Results:
    """A folder of results, read by pandas and h5py."""

    def __init__(self, folder, outcome):
        self.folder, self.outcome = pathlib.Path(folder), outcome

    def bytes_of(self, name):
        return (self.folder / name).read_bytes()

    @functools.cached_property
    def curves(self):
        return pandas.read_csv(self.folder / "spectrum.csv", float_precision="round_trip")

    @functools.cached_property
    def summary(self):
        return pandas.read_csv(self.folder / "summary.csv", float_precision="round_trip")

    @functools.cached_property
    def table(self):
        """verify.csv; delta stays text, since 0.5 and 2^-n are both names."""
        return pandas.read_csv(self.folder / "verify.csv", float_precision="round_trip", dtype={"delta": str, "reason": str, "k_source": str})

    @property
    def run(self):
        return json.loads(self.bytes_of("run.json"))

    def h5(self, path="/sigma"):
        with h5py.File(self.folder / "spectrum.h5", "r") as file:
            return file[path][()]

    def head(self, layer, head, n=None):
        """The rows of spectrum.csv of one head."""
        rows = self.curves[(self.curves["layer"] == layer) & (self.curves["head"] == head)]
        return rows if n is None else rows[rows.n == n]


class Workplace(unittest.TestCase):
    """A temporary folder a test."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="attnspec-test-", dir=SCRATCH))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.runs = 0

    def path(self, name):
        return str(self.folder / name)

    def spectrum(self, *dumps_and_options, code=DONE, **options):
        """`attnspec spectrum` into a folder of its own; fails where the exit code is another one."""
        self.runs += 1
        folder = self.folder / f"out{self.runs}"
        outcome = attnspec("spectrum", *dumps_and_options, "-o", folder, "--figures", "none", "--quiet", **options)
        self.assertEqual(outcome.code, code, outcome.stderr)
        return Results(folder, outcome)

    def verify(self, *dumps_and_options, code=DONE, **options):
        """`attnspec verify`, in the same way."""
        self.runs += 1
        folder = self.folder / f"out{self.runs}"
        outcome = attnspec("verify", *dumps_and_options, "-o", folder, "--figures", "none", "--quiet", **options)
        self.assertEqual(outcome.code, code, outcome.stderr)
        return Results(folder, outcome)

    def assert_nothing_written(self, folder):
        """No result under a final name."""
        present = [name for name in [*RESULTS, "verify.csv"] if (pathlib.Path(folder) / name).exists()]
        self.assertEqual(present, [])

    def nameless(self, text):
        """A message with this test's folder and HDF5's own words taken out."""
        return re.sub(r"\(HDF5: .*?\)+(?=[.\n]|$)", "(HDF5: ...)", text.replace(str(self.folder), "DIR"))


WRITE_GOLDEN = "ATTNSPEC_WRITE_GOLDEN"


class Golden:
    """Exit codes and messages under golden/: a section a case. ATTNSPEC_WRITE_GOLDEN=1 writes instead of comparing."""

    def __init__(self, name):
        self.file = TESTS / "golden" / name
        self.cases = {}
        if self.file.exists():
            for section in self.file.read_text().split("\n== ")[1:]:
                title, _, body = section.partition("\n")
                self.cases[title] = body.rstrip("\n")

    def check(self, test, case, outcome):
        found = f"exit {outcome.code}\n{test.nameless(outcome.stderr)}".rstrip("\n")
        if os.environ.get(WRITE_GOLDEN):
            self.cases[case] = found
            body = "".join(f"\n== {title}\n{text}\n" for title, text in sorted(self.cases.items()))
            self.file.write_text("Exit codes and messages of attnspec, a section a case.\n" + body)
        test.assertIn(case, self.cases, f"{self.file} lacks it; {WRITE_GOLDEN}=1 writes it")
        test.assertEqual(found, self.cases[case])
