"""Milliseconds a matrix of each cpu method, and D: how many times the flop floor of the Gram route that is.

    D(n) = [ T * threads / matrices ] / [ 7/6 t_dgemm(n, n, n; one thread) ]

T is a slope: the wall time over many samples less that over few, so that start-up and tables drop out. Reading stays in.
"""

import json
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass

import child

HERE = os.path.dirname(os.path.abspath(__file__))
GRAM_FLOOR = 7 / 6          # of 2 n^3 flops: n^3 for P^T P, 4/3 n^3 to tridiagonal


@dataclass
class Size:
    n: int
    heads: int
    samples: int            # timed over all of them, and over the first
    reference_matrices: int # the oracle is slow: so many, and one


SIZES = (Size(128, 12, 121, 13), Size(512, 12, 13, 5), Size(1024, 4, 13, 3))


def dgemm(kernel, n):
    """Milliseconds of one on one thread, in the OpenBLAS kernel that attnspec uses: {"median", "min", "max"}."""
    environment = dict(os.environ, OPENBLAS_CORETYPE=kernel) if kernel else None
    command = [sys.executable, os.path.join(HERE, "openblas_dgemm.py"), str(n)]
    answer = json.loads(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)
    if kernel and answer["kernel"] != kernel:
        raise child.ChildFailed(f"openblas_dgemm.py ran {answer['kernel']} kernels, attnspec runs {kernel}: two different libraries?")
    return answer["milliseconds"][str(n)]


def dump_of(program, folder, size):
    path = os.path.join(folder, f"random-f32-{size.n}-{size.samples}x{size.heads}.h5")
    if not os.path.exists(path):
        child.run([program, "synth", "random", "-o", path, "--n", str(size.n), "--samples", str(size.samples),
                   "--heads", str(size.heads), "--store-attention", "--dtype", "f32", "--quiet"])
    return path


def slope(program, folder, dump, method, threads, few, many, rounds, quiet):
    """Milliseconds a matrix: (median, least, most) over rounds that alternate few and many. Each is (arguments, matrices)."""
    def wall(arguments):
        child.read_through(dump)
        child.wait_for_quiet(quiet[0], quiet[1])
        return child.run([program, "spectrum", dump, "-o", os.path.join(folder, "methods"), "--overwrite", "--quiet", "--figures",
                          "none", "--method", method, "--device", "cpu", "--threads", str(threads), *arguments], cores=threads).wall_seconds

    differences = [(wall(many[0]) - wall(few[0])) / (many[1] - few[1]) * 1e3 for _ in range(rounds)]
    return statistics.median(differences), min(differences), max(differences)


def measure(options, backends):
    kernel = backends["blas"]["kernel"]
    usable = [entry["method"] for entry in backends["backends"] if entry["device"] == "cpu" and entry["usable"]]
    rows = []
    for size in SIZES:
        dump = dump_of(options.attnspec, options.work, size)
        for method in usable:
            print(f"bench_spectrum.py: {method}, n = {size.n}", file=sys.stderr, flush=True)
            if method == "reference":
                threads = 1
                last = size.reference_matrices - 1
                few, many = (["--samples", "0", "--heads", "0"], 1), (["--samples", f"0-{last}", "--heads", "0"], last + 1)
            else:
                threads = options.threads
                few, many = (["--samples", "0"], size.heads), ([], size.heads * size.samples)
            gemm = dgemm(kernel, size.n)
            median, least, most = slope(options.attnspec, options.work, dump, method, threads, few, many, options.rounds, (options.busy, options.wait / 4))
            floor = GRAM_FLOOR * gemm["median"]
            rows.append({"n": size.n, "method": method, "threads": threads, "milliseconds": {"median": median, "min": least, "max": most},
                         "dgemm_milliseconds": gemm, "D": median * threads / floor})
    return rows


def table(rows):
    lines = ["ms a matrix by method, wall / matrices (D: times the Gram route's flop floor, by dgemm on one thread)",
             f"{'n':>6}  {'method':<10} {'threads':>7} {'median':>9} {'min':>9} {'max':>9} {'D':>7}   {'dgemm, ms':>9}"]
    for row in rows:
        ms = row["milliseconds"]
        lines.append(f"{row['n']:>6}  {row['method']:<10} {row['threads']:>7} {ms['median']:>9.3f} {ms['min']:>9.3f} {ms['max']:>9.3f} "
                     f"{row['D']:>7.2f}   {row['dgemm_milliseconds']['median']:>9.3f}")
    return "\n".join(lines)
