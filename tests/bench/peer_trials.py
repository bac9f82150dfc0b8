#!/usr/bin/env python3
"""The peer of bench_verify.py: Theorem 1's trials in numpy, by the same algebra. Prints seconds a trial as JSON.

Reads Q, K and V of one sample, makes P, then for each trial R (Philox and Box-Muller), R V for all heads at once, R^T of
that, and P times it head by head. Errors of columns are compared with epsilon |P w|, and the entries of one column a
head, that of the largest |cosine| with a row of P, with epsilon |p| |w|: the readings `relative` and `rowwise`.
"""

import argparse
import json
import time

import h5py
import numpy as np


def projection(k, n, seed, trial):
    words = np.random.Philox(key=seed, counter=int(trial) << 128).random_raw(k * n + k * n % 2)
    u = 1 - (words[0::2] >> np.uint64(12)) * 2.0**-52
    v = (words[1::2] >> np.uint64(12)) * 2.0**-52
    r = np.sqrt(-2 * np.log(u))
    z = np.stack([r * np.cos(2 * np.pi * v), r * np.sin(2 * np.pi * v)], axis=1).ravel()
    return z[:k * n].reshape(k, n) / np.sqrt(k)


def heads_of(path):
    with h5py.File(path, "r") as dump:
        query, key, value = (dump[name][0].astype(np.float64) for name in ("query", "key", "value"))
        logits = dump.attrs["scale"] * query @ key.swapaxes(-1, -2)
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    n, d = value.shape[-2:]
    return (weights / weights.sum(-1, keepdims=True)).reshape(-1, n, n), value.reshape(-1, n, d)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dump")
    parser.add_argument("--k", type=int, required=True)
    parser.add_argument("--epsilon", type=float, required=True)
    parser.add_argument("--trials", type=int, required=True)
    options = parser.parse_args()
    attention, values = heads_of(options.dump)
    heads, n, d = values.shape
    target = attention @ values
    limits = options.epsilon ** 2 * (target ** 2).sum(1)
    row_norms, column_norms = np.linalg.norm(attention, axis=2), np.linalg.norm(values, axis=1)
    cosines = np.abs(target) / (row_norms[:, :, None] * column_norms[:, None, :])
    each, tested = np.arange(heads), cosines.max(1).argmax(1)
    entry_limits = options.epsilon * row_norms * column_norms[each, tested][:, None]
    side_by_side = values.transpose(1, 0, 2).reshape(n, heads * d)

    start = time.perf_counter()
    failures, rowwise, squares = np.zeros((heads, d), int), np.zeros(heads, int), np.zeros(heads)
    for trial in range(options.trials):
        r = projection(options.k, n, 0, trial)
        mixed = (r.T @ (r @ side_by_side)).reshape(n, heads, d).transpose(1, 0, 2)
        error = attention @ mixed - target
        rowwise += (np.abs(error[each, :, tested]) > entry_limits).any(1)
        column = (error ** 2).sum(1)
        failures += column > limits
        squares += column.sum(1)
    seconds = (time.perf_counter() - start) / options.trials
    rms = np.sqrt(squares / options.trials / (target ** 2).sum((1, 2)))
    print(json.dumps({"seconds_a_trial": seconds, "heads": heads, "n": n, "d": d, "rms": rms.tolist(), "failures": int(failures.sum()), "rowwise_failures": int(rowwise.sum()), "numpy": np.__version__}))


if __name__ == "__main__":
    main()
