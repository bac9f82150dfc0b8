#!/usr/bin/env python3
"""From a dump with Q and K the same dump with P stored in f16, for the bench's case "P stored"."""

import argparse

import h5py
import numpy

from peer_numpy import Numpy


def main():
    parser = argparse.ArgumentParser(description=__doc__, epilog="example:\n  store_attention.py sample_data/minilm-512.h5 stored.h5",
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", metavar="DUMP.h5", help="with query and key, no mask, bias or softcap")
    parser.add_argument("output", metavar="OUT.h5")
    options = parser.parse_args()
    with h5py.File(options.source) as source, h5py.File(options.output, "w") as target:
        target.attrs.update(source.attrs)
        samples, layers, heads, n, _ = source["query"].shape
        stored = target.create_dataset("attention", (samples, layers, heads, n, n), "f2", chunks=(1, 1, 1, n, n))
        for sample in range(samples):
            for layer in range(layers):
                query, key = source["query"][sample, layer], source["key"][sample, layer]
                stored[sample, layer] = Numpy(1, "svd").softmax(query, key, source.attrs["scale"]).astype(numpy.float16)


if __name__ == "__main__":
    main()
