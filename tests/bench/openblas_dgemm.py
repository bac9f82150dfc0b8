#!/usr/bin/env python3
"""Milliseconds of one dgemm(n, n, n) on one thread, from the OpenBLAS that attnspec loads; one line of JSON.

OPENBLAS_CORETYPE chooses the kernel and must stand in the environment before the library is loaded, so this is a
process of its own.
"""

import argparse
import ctypes
import json
import random
import statistics
import time

ROW_MAJOR, NO_TRANSPOSE = 101, 111


def load(name):
    library = ctypes.CDLL(name)
    library.openblas_get_corename.restype = ctypes.c_char_p
    library.openblas_get_config.restype = ctypes.c_char_p
    integer, real, matrix = ctypes.c_int, ctypes.c_double, ctypes.POINTER(ctypes.c_double)
    library.cblas_dgemm.argtypes = [integer] * 6 + [real, matrix, integer, matrix, integer, real, matrix, integer]
    library.openblas_set_num_threads(1)
    return library


def milliseconds(library, n, seconds):
    """Median over repetitions for about `seconds`, each long enough for the clock."""
    a, b = ((ctypes.c_double * (n * n))(*(random.random() for _ in range(n * n))) for _ in range(2))
    c = (ctypes.c_double * (n * n))()
    inner = max(1, 512**3 // n**3)

    def once():
        start = time.perf_counter()
        for _ in range(inner):
            library.cblas_dgemm(ROW_MAJOR, NO_TRANSPOSE, NO_TRANSPOSE, n, n, n, 1.0, a, n, b, n, 0.0, c, n)
        return (time.perf_counter() - start) / inner * 1e3

    once()
    times, end = [], time.perf_counter() + seconds
    while len(times) < 5 or time.perf_counter() < end:
        times.append(once())
    return statistics.median(times), min(times), max(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__, epilog="example:\n  OPENBLAS_CORETYPE=SkylakeX openblas_dgemm.py 128 512 1024",
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", metavar="N", type=int, nargs="+")
    parser.add_argument("--library", default="libopenblas.so.0", help="default: libopenblas.so.0, found by the loader")
    parser.add_argument("--seconds", type=float, default=0.5, help="for each size (default: 0.5)")
    options = parser.parse_args()
    library = load(options.library)
    sizes = {n: dict(zip(("median", "min", "max"), milliseconds(library, n, options.seconds))) for n in options.sizes}
    print(json.dumps({"kernel": library.openblas_get_corename().decode(), "config": library.openblas_get_config().decode(),
                      "milliseconds": sizes}))


if __name__ == "__main__":
    main()
