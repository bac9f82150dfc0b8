#!/usr/bin/env python3
"""A peer of bench_methods.py: singular values of matrices that lie in memory, as float64. Prints JSON: the milliseconds
a matrix of each repeat, and how far values and curves lie from dgesdd's.

`torch-*` work on the whole stack in one call, `scipy` and the LAPACK routines on one matrix after the other.
"""

import argparse
import json
import time

import h5py
import numpy as np


def torch_of(threads):
    import torch
    torch.set_num_threads(threads)
    return torch


def torch_f64(stack, threads):
    torch = torch_of(threads)
    return torch.from_numpy(stack), lambda given: torch.linalg.svdvals(given).numpy()


def torch_f32(stack, threads):
    torch = torch_of(threads)
    return torch.from_numpy(stack).float(), lambda given: torch.linalg.svdvals(given).double().numpy()


def torch_gram(stack, threads):
    torch = torch_of(threads)
    return torch.from_numpy(stack), lambda given: torch.linalg.eigvalsh(given.mT @ given).flip(-1).clamp(min=0).sqrt().numpy()


def numpy_f64(stack, _threads):
    return stack, lambda given: np.linalg.svd(given, compute_uv=False)


def one_by_one(dtype, solve):
    return lambda stack, _threads: (stack.astype(dtype), lambda given: np.array([solve(matrix) for matrix in given], dtype=np.float64))


def gesdd(name):
    import scipy.linalg.lapack
    routine = getattr(scipy.linalg.lapack, name)

    def solve(matrix):
        _, values, _, info = routine(matrix.T, compute_uv=0)
        assert info == 0, info
        return values
    return solve


def gram_by_dsyevd(matrix):
    from scipy.linalg import blas, lapack
    squares, _, info = lapack.dsyevd(blas.dsyrk(1.0, matrix.T, lower=1), compute_v=0, lower=1)
    assert info == 0, info
    return np.sqrt(np.maximum(squares[::-1], 0))


def scipy_svdvals(matrix):
    import scipy.linalg
    return scipy.linalg.svdvals(matrix)


PEERS = {"torch-f64": torch_f64, "torch-f32": torch_f32, "torch-gram": torch_gram, "numpy": numpy_f64,
         "scipy": one_by_one(np.float64, scipy_svdvals), "dgesdd": one_by_one(np.float64, lambda matrix: gesdd("dgesdd")(matrix)),
         "sgesdd": one_by_one(np.float32, lambda matrix: gesdd("sgesdd")(matrix)), "dsyevd": one_by_one(np.float64, gram_by_dsyevd)}


def distances(values, truth):
    """The largest of sigma, in units of sigma_1, and of the cumulative curve."""
    def curve(sigma):
        return np.cumsum(sigma, axis=-1) / sigma.sum(-1, keepdims=True)
    return float((np.abs(values - truth) / truth[:, :1]).max()), float(np.abs(curve(values) - curve(truth)).max())


def stack_of(path, count):
    with h5py.File(path) as dump:
        stored = dump["attention"]
        heads = [stored[sample, 0, head] for sample in range(stored.shape[0]) for head in range(stored.shape[2])][:count]
    return np.stack(heads).astype(np.float64)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer", choices=(*PEERS, "truth"), help="truth: dgesdd's values, into --values")
    parser.add_argument("dump", metavar="DUMP.h5", help="of one layer")
    parser.add_argument("--count", type=int, required=True, help="matrices")
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--seconds", type=float, default=0.5, help="repeats for about so long (default: 0.5)")
    parser.add_argument("--values", metavar="FILE.npy", required=True, help="of dgesdd, to compare with")
    options = parser.parse_args()
    stack = stack_of(options.dump, options.count)
    if options.peer == "truth":
        np.save(options.values, np.linalg.svd(stack, compute_uv=False))
        return
    given, work = PEERS[options.peer](stack, options.threads)
    values, times, end = work(given), [], time.perf_counter() + options.seconds
    while not times or time.perf_counter() < end:
        start = time.perf_counter()
        work(given)
        times.append((time.perf_counter() - start) / len(stack) * 1e3)
    sigma, curve = distances(values, np.load(options.values))
    print(json.dumps({"milliseconds": times, "sigma": sigma, "curve": curve}))


if __name__ == "__main__":
    main()
