#!/usr/bin/env python3
"""From a dump with Q and K the same dump with P stored."""

import argparse
import json

import h5py

from peer_numpy import softmax


def main():
    parser = argparse.ArgumentParser(description=__doc__, epilog="example:\n  store_attention.py sample_data/minilm-512.h5 stored.h5",
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", metavar="DUMP.h5", help="with query and key, no mask, bias or softcap")
    parser.add_argument("output", metavar="OUT.h5")
    parser.add_argument("--type", default="f2", help="of P (default: f2)")
    parser.add_argument("--storage", metavar="JSON", type=json.loads, help="keywords of h5py's create_dataset (default: a chunk a matrix)")
    options = parser.parse_args()
    with h5py.File(options.source) as source, h5py.File(options.output, "w") as target:
        target.attrs.update(source.attrs)
        samples, layers, heads, n, _ = source["query"].shape
        storage = {"chunks": (1, 1, 1, n, n)} if options.storage is None else options.storage
        if isinstance(storage.get("chunks"), list):
            storage["chunks"] = tuple(storage["chunks"])
        stored = target.create_dataset("attention", (samples, layers, heads, n, n), options.type, **storage)
        for sample in range(samples):
            for layer in range(layers):
                query, key = source["query"][sample, layer], source["key"][sample, layer]
                stored[sample, layer] = softmax(query, key, source.attrs["scale"]).astype(options.type)


if __name__ == "__main__":
    main()
