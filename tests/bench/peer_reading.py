#!/usr/bin/env python3
"""h5py's side of bench_reading.py: every matrix of /attention as float64. Prints JSON.

`astype` reads what is stored and lets numpy widen it, as people write it; `h5dread` asks HDF5 for float64 (read_direct)."""

import argparse
import json
import time

import h5py
import numpy as np


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dump")
    parser.add_argument("how", choices=["astype", "h5dread"])
    options = parser.parse_args()
    start, total, matrices = time.perf_counter(), 0.0, 0
    with h5py.File(options.dump, "r") as file:
        attention = file["attention"]
        samples, layers, heads, n, _ = attention.shape
        block = np.empty((heads, n, n))
        for sample in range(samples):
            for layer in range(layers):
                if options.how == "h5dread":
                    attention.read_direct(block, np.s_[sample, layer])
                else:
                    block = attention[sample, layer].astype(np.float64)
                total += block[:, 0, 0].sum()
                matrices += heads
    print(json.dumps({"seconds": time.perf_counter() - start, "matrices": matrices, "sum": total, "h5py": h5py.__version__, "hdf5": h5py.version.hdf5_version}))


if __name__ == "__main__":
    main()
