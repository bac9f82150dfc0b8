"""What every peer does around its singular values: read heads with h5py, average the curves of each head, write a CSV.

A peer is a script that calls `main(load)` with a function that gives, after its imports, a function from a layer's
matrices to their singular values. It prints one line of JSON: its own seconds from opening the file to the CSV written,
imports left out, and its versions.
"""

import argparse
import csv
import json
import platform
import time

import h5py
import numpy


def main(program, load):
    parser = argparse.ArgumentParser(prog=program, description=f"{program}: the spectrum of every head, as a script would do it")
    parser.add_argument("dump", metavar="DUMP.h5", help="a canonical dump with attention, or with query and key")
    parser.add_argument("output", metavar="OUT.csv", help="the curves to write")
    parser.add_argument("--threads", type=int, default=1, help="default: 1")
    parser.add_argument("--values", choices=("svd", "svd-float32", "gram"), default="svd",
                        help="singular values in double or float precision, or roots of the eigenvalues of P^T P (default: svd)")
    options = parser.parse_args()
    library = load(options.threads, options.values)

    start = time.perf_counter()
    write_curves(options.output, *mean_curves(options.dump, library))
    seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "versions": {"python": platform.python_version(), "numpy": numpy.__version__,
                                                       "h5py": h5py.__version__, **library.versions}}))


def mean_curves(path, library):
    """Means over samples of sigma and of its normalised cumulative sum, each [layers, heads, n]."""
    with h5py.File(path) as dump:
        stored = "attention" in dump
        samples, layers, heads, n = dump["attention" if stored else "query"].shape[:4]
        sigma_mean, curve_mean = numpy.zeros((2, layers, heads, n))
        for sample in range(samples):
            for layer in range(layers):
                if stored:
                    matrices = library.attention(dump["attention"][sample, layer])
                else:
                    matrices = library.softmax(dump["query"][sample, layer], dump["key"][sample, layer], dump.attrs["scale"])
                sigma = library.singular_values(matrices)
                curve = numpy.cumsum(sigma, axis=-1)
                sigma_mean[layer] += sigma / samples
                curve_mean[layer] += curve / curve[:, -1:] / samples
    return sigma_mean, curve_mean


def write_curves(path, sigma, curve):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["layer", "head", "n", "index", "sigma_mean", "cumulative_mean"])
        layers, heads, n = curve.shape
        for layer in range(layers):
            for head in range(heads):
                rows = zip(range(1, n + 1), sigma[layer, head].tolist(), curve[layer, head].tolist())
                writer.writerows((layer, head, n, *row) for row in rows)
