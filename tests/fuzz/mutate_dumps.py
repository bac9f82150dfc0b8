#!/usr/bin/env python3
"""Dumps with damaged bytes, and whether `attnspec inspect` answers each of them as it should.

A mutant is named FIXTURE:SEED and is always the same bytes: --one FIXTURE:SEED rebuilds and runs it alone."""

import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import random
import re
import resource
import select
import subprocess
import sys
import tempfile
import time
from typing import NamedTuple

import h5py
import numpy as np

from dump_fixtures import FIXTURES, summed_blocks, with_sums, without_times

ROOT = pathlib.Path(__file__).resolve().parents[2]
CODES = (0, 3, 5, 7)                # done, input, skipped, limit
MOST_SECONDS, MOST_MEMORY = 30, 400 << 20
MOST_MEMORY_OF_READER = 600 << 20  # attnspec-catalog takes up to 512 MiB
SANITIZED = "ATTNSPEC_SANITIZED" in os.environ  # its shadow is not attnspec's memory
WORDS = ("inspect", "--json", "--threads", "1", "--max-memory", "256M")
ONE_LINE = re.compile(r"\Aattnspec: [^\x00-\x1f\x7f]+\n\Z")


class Fixture(NamedTuple):
    data: bytes
    metadata: list      # places of bytes that are no numbers of a dataset
    blocks: list        # with checksums


def numbers_in(path):
    """Begin and end of every piece of raw data."""
    pieces = []

    def visit(_, item):
        if not isinstance(item, h5py.Dataset):
            return
        if item.chunks is None:
            if item.id.get_offset() is not None:
                pieces.append((item.id.get_offset(), item.id.get_offset() + item.id.get_storage_size()))
            return
        for i in range(item.id.get_num_chunks()):
            chunk = item.id.get_chunk_info(i)
            pieces.append((chunk.byte_offset, chunk.byte_offset + chunk.size))

    with h5py.File(path, "r") as file:
        file.visititems(visit)
    return pieces


def make_fixture(name, folder):
    path = pathlib.Path(folder) / f"{name}.h5"
    FIXTURES[name](str(path))
    data = without_times(path.read_bytes())
    # Runs of zeros are room that nobody reads: a few bytes of each will do.
    kept = np.ones(len(data), bool)
    for start, end in numbers_in(path):
        kept[start:end] = False
    for run in re.finditer(rb"\0{24,}", data):
        kept[run.start() + 12:run.end() - 8] = False
    return Fixture(data, np.flatnonzero(kept).tolist(), summed_blocks(data))


def make_fixtures():
    with tempfile.TemporaryDirectory() as folder:
        return {name: make_fixture(name, folder) for name in FIXTURES}


def interesting(rng, size, width):
    value = rng.choice([0, 1, 2, 3, 7, 8, 16, 32, 255, 256, 4096, 65535, 2 ** 16, 2 ** 20, 2 ** 30, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 40,
                        2 ** 62, 2 ** 63 - 1, 2 ** 63, 2 ** 64 - 1, 2 ** 64 - 2, 2 ** 64 - 8, size, size - 1, size + 1, size - 8, size // 2,
                        rng.randrange(size), rng.getrandbits(64)])
    return (value % 2 ** (8 * width)).to_bytes(width, "little")


def mutate(fixture, rng):
    data = bytearray(fixture.data)
    place = lambda: rng.choice(fixture.metadata) if rng.random() < 0.85 else rng.randrange(len(fixture.data))  # noqa: E731

    def flip():
        data[place() % len(data)] ^= 1 << rng.randrange(8)

    def replace():
        data[place() % len(data)] = rng.randrange(256)

    def overwrite():
        at, width = place() % len(data), rng.choice((1, 2, 4, 8))
        at -= at % width if rng.random() < 0.5 else 0
        data[at:at + width] = interesting(rng, len(data), width)[:len(data) - at]

    def cut():
        del data[max(1, rng.choice((place(), len(data) - rng.randrange(1, 64), 512))):]

    def copy(swap):
        length = rng.choice((1, 4, 8, 24, 40, 64, 512, 2048))
        one, other = place() % len(data), place() % len(data)
        length = min(length, len(data) - one, len(data) - other)
        first, second = data[one:one + length], data[other:other + length]
        data[other:other + length] = first
        if swap:
            data[one:one + length] = second

    ways = (flip, replace, overwrite, cut, lambda: copy(True), lambda: copy(False))
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 5, 8))):
        rng.choices(ways, (4, 3, 8, 1, 1, 2))[0]()
    return bytes(with_sums(data, fixture.blocks) if rng.random() < 0.8 else data)


def mutant(fixtures, name, seed):
    return mutate(fixtures[name], random.Random(f"{name}:{seed}"))


class Run(NamedTuple):
    code: int           # negative: the signal that ended it
    seconds: float
    own_memory: int     # peak in bytes, looked at every few milliseconds
    memory: int         # the same, or that of the process that it started, where that is more
    stdout: bytes
    stderr: bytes
    late: bool

    def wrong(self):
        """What is not as it should be; nothing where all is well."""
        if self.late:
            return f"it was not done after {MOST_SECONDS} s"
        if self.code not in CODES:
            return f"exit code {self.code}"
        if not SANITIZED and (self.own_memory > MOST_MEMORY or self.memory > MOST_MEMORY_OF_READER):
            return f"{self.own_memory >> 20} and {self.memory >> 20} MiB of memory"
        if self.code in (3, 7):
            one_line = ONE_LINE.match(self.stderr.decode(errors="replace"))  # a file's name need not be UTF-8
            return "" if one_line and not self.stdout else "a message that is not one line of its own"
        try:
            json.loads(self.stdout.decode(), parse_constant=int)
        except ValueError as error:
            return f"no JSON: {error}"
        return ""


def own_peak(process, before):
    """The most bytes that it held until now, without the process that it started; `before` where it is gone already."""
    try:
        status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    except OSError:
        return before
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) * 1024 if found else before


def run(program, path):
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        start = time.monotonic()
        process = subprocess.Popen([program, *WORDS, path], stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr)
        own, late, ended = 0, False, os.pidfd_open(process.pid)
        while not select.select([ended], [], [], 0.005)[0]:
            own = own_peak(process, own)
            if not late and time.monotonic() - start > MOST_SECONDS:
                late = True
                process.kill()
        os.close(ended)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - start
        stdout.seek(0)
        stderr.seek(0)
        return Run(process.returncode, seconds, own, usage.ru_maxrss * 1024, stdout.read(), stderr.read(), late)


def run_bytes(program, data):
    """In memory, where there is some: a disk would be the slowest part of it."""
    with tempfile.NamedTemporaryFile(suffix=".h5", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as file:
        file.write(data)
        file.flush()
        return run(program, file.name)


def run_mutants(program, count, seed, jobs=1, seen=lambda name, seed, data, run: None):
    """`seen` is told of each, in order."""
    fixtures, names = make_fixtures(), list(FIXTURES)

    def one(i):
        data = mutant(fixtures, names[i % len(names)], seed + i)
        return names[i % len(names)], seed + i, data, run_bytes(program, data)

    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for result in pool.map(one, range(count)):
            seen(*result)


def keep_in(folder, name, seed, data):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}-{seed}.h5").write_bytes(data)


class Tally:
    """What came of all of them, as it comes."""

    def __init__(self, count, keep):
        self.count, self.keep = count, keep
        self.codes, self.seconds, self.memory, self.wrong = collections.Counter(), [], [], collections.Counter()
        self.start = self.said = time.monotonic()

    def see(self, name, seed, data, result):
        self.codes[result.code] += 1
        self.seconds.append(result.seconds)
        self.memory.append(result.memory)
        wrong = result.wrong()
        if wrong:
            self.wrong[wrong] += 1
            print(f"\n{name}:{seed}: {wrong}; {result.stderr[:300]}", flush=True)
            if self.keep:
                keep_in(self.keep, name, seed, data)
        now, done = time.monotonic(), len(self.seconds)
        if now - self.said > (1 if sys.stderr.isatty() else 30) or done == self.count:
            left = (now - self.start) / done * (self.count - done)
            print(f"{done} of {self.count}, {sum(self.wrong.values())} wrong, {left:.0f} s left", file=sys.stderr, flush=True)
            self.said = now

    def summary(self):
        seconds, memory = np.array(self.seconds), np.array(self.memory) / 2 ** 20
        lines = ["exit codes: " + ", ".join(f"{code}: {n}" for code, n in sorted(self.codes.items())),
                 "seconds: " + ", ".join(f"{name} {np.quantile(seconds, q):.3f}" for name, q in
                                         (("median", 0.5), ("99 %", 0.99), ("99.9 %", 0.999), ("most", 1))),
                 f"memory of both processes: median {np.median(memory):.0f} MiB, most {memory.max():.0f} MiB",
                 "wrong: " + (", ".join(f"{what}: {n}" for what, n in self.wrong.most_common()) or "none")]
        return "\n".join(lines)


def run_one(options):
    name, seed = options.one.split(":")
    data = mutant(make_fixtures(), name, int(seed))
    if options.keep:
        keep_in(options.keep, name, seed, data)
    result = run_bytes(options.attnspec, data)
    print(result.stdout.decode(errors="replace") + result.stderr.decode(errors="replace"), end="")
    print(f"exit {result.code}, {result.seconds:.3f} s, {result.memory >> 20} MiB: {result.wrong() or 'as it should be'}")
    return int(bool(result.wrong()))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0, help="of the first mutant; the others follow")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--keep", type=pathlib.Path, help="folder for mutants that are not answered as they should be")
    parser.add_argument("--attnspec", default=os.environ.get("ATTNSPEC") or str(ROOT / "build" / "release" / "bin" / "attnspec"))
    parser.add_argument("--one", metavar="FIXTURE:SEED", help="this mutant alone; --keep keeps it")
    options = parser.parse_args()
    if options.one:
        return run_one(options)
    tally = Tally(options.count, options.keep)
    run_mutants(options.attnspec, options.count, options.seed, options.jobs, tally.see)
    print(tally.summary())
    return int(bool(tally.wrong))


if __name__ == "__main__":
    sys.exit(main())
