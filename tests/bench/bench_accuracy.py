#!/usr/bin/env python3
"""How far each method's singular values and cumulative curves lie from LAPACK's dgesdd, by family of matrices.

Needs a Python with numpy, h5py and torch (build/venv). The dumps are float64, so that nothing but the method adds an
error; the family's name says where the numbers were rounded to float16 first, as dumps usually are.
"""

import argparse
import json
import os
import subprocess
import sys

import h5py
import numpy as np
import torch

import benchmark
import machine

METHODS = ("direct32", "gram", "direct")
AIMS = {"direct32": (2e-6, 1e-6), "gram": (2e-7, 1e-6)}  # of sigma_1, and of the curve


def softmax(logits):
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True)


def logits_of(random, n, d=64):
    return random.standard_normal((n, d)) @ random.standard_normal((d, n)) / np.sqrt(d)


def families(n):
    random = np.random.default_rng(n)
    i = np.arange(n)
    logits = logits_of(random, n)
    masked = np.where(i[:, None] >= i, logits, -np.inf)
    sink = masked.copy()
    sink[:, 0] += 6
    uniform = np.full((n, n), 1 / n)
    one_hot = np.zeros((n, n))
    one_hot[i, random.integers(0, n, n)] = 1
    found = {
        "softmax": softmax(logits), "softmax, f16": softmax(logits).astype(np.float16).astype(float), "causal": softmax(masked), "causal, sink": softmax(sink),
        "sink .99": .01 * softmax(logits) + .99 * np.eye(n)[0], "local": softmax(2 * logits - np.abs(i[:, None] - i) / 4),
        "uniform": uniform, "uniform + 1e-2, f16": (uniform * (1 + .01 * random.standard_normal((n, n)))).astype(np.float16).astype(float),
        "uniform + 1e-6": uniform * (1 + 1e-6 * random.standard_normal((n, n))), "uniform causal": np.tril(np.ones((n, n))) / (i[:, None] + 1),
        "identity": np.eye(n), "previous token": np.eye(n)[np.maximum(i - 1, 0)], "one-hot rows": one_hot,
        "rank 3": random.dirichlet(np.ones(3), n) @ random.dirichlet(np.ones(n), 3), "rank 16": random.dirichlet(np.ones(16), n) @ random.dirichlet(np.ones(n), 16),
        "blocks of 8": np.kron(np.eye(n // 8), np.full((8, 8), 1 / 8)), "8 blocks": np.kron(np.eye(8), np.full((n // 8, n // 8), 8 / n))}
    return found


def curve(sigma):
    return np.cumsum(sigma, -1) / sigma.sum(-1, keepdims=True)


def attnspec(program, folder, dump, method):
    subprocess.run([program, "spectrum", dump, "-o", folder, "--overwrite", "--figures", "none", "--quiet", "--method", method, "--dataset", "/attention",
                    "--axes", "HQK"], check=True, capture_output=True)
    with h5py.File(os.path.join(folder, "spectrum.h5")) as file:
        names = dict(pair.split(" ", 1) for pair in file.attrs["method_names"].decode().split(", "))
        return file["sigma"][0, 0], [names[str(number)] for number in file["method"][0, 0]]


def measure(program, work, n):
    matrices = families(n)
    stack = np.array(list(matrices.values()))
    dump = os.path.join(work, "families.h5")
    with h5py.File(dump, "w") as file:
        file["attention"] = stack
    truth = np.linalg.svd(stack, compute_uv=False)
    found = {method: attnspec(program, os.path.join(work, "families"), dump, method) for method in METHODS}
    found["torch f32"] = torch.linalg.svdvals(torch.from_numpy(stack).float()).double().numpy(), None
    rows = []
    for f, name in enumerate(matrices):
        row = {"n": n, "family": name, "errors": {}}
        for method, (values, used) in found.items():
            row["errors"][method] = {"sigma": float(np.abs(values[f] - truth[f]).max() / truth[f, 0]), "curve": float(np.abs(curve(values[f]) - curve(truth[f])).max()),
                                     "by": used[f] if used else method}
        rows.append(row)
    return rows


def real_heads(program, work):
    """Every head of MiniLM at n = 512, from its Q and K."""
    dump = os.path.join(benchmark.ROOT, "sample_data", "minilm-512.h5")
    values = {}
    for method in METHODS:
        folder = os.path.join(work, "families")
        subprocess.run([program, "spectrum", dump, "-o", folder, "--overwrite", "--figures", "none", "--quiet", "--method", method], check=True, capture_output=True)
        with h5py.File(os.path.join(folder, "spectrum.h5")) as file:
            values[method] = file["sigma"][...].reshape(-1, 512)
    truth = values["direct"]
    return {method: {"sigma": float((np.abs(values[method] - truth).max(-1) / truth[:, 0]).max()), "curve": float(np.abs(curve(values[method]) - curve(truth)).max()), "by": method}
            for method in ("direct32", "gram")}


def line(title, errors):
    text = f"{title:<28}"
    for method in (*METHODS, "torch f32"):
        if method in errors:
            one = errors[method]
            by = f"({one['by']})" if one["by"] != method else ""
            text += f" {one['sigma']:>8.1e} {one['curve']:>8.1e} {by:<9}"
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--attnspec", default=os.path.join(benchmark.ROOT, "build", "release", "bin", "attnspec"), help="default: build/release/bin/attnspec")
    parser.add_argument("--sides", type=lambda text: [int(n) for n in text.split(",")], default=[128, 512, 1024], help="n (default: 128,512,1024)")
    parser.add_argument("--json", metavar="FILE", help="write everything that was measured")
    parser.add_argument("--work", metavar="DIR", default=benchmark.WORK, help="for dumps and results (default: build/bench)")
    options = parser.parse_args()
    os.makedirs(options.work, exist_ok=True)
    version, backends = machine.attnspec_facts(options.attnspec)
    facts = machine.facts()
    print(f"{version.splitlines()[0]}; kernel {backends['blas']['kernel']}; {facts['processor']}, {facts['date']}; numpy {np.__version__}, torch {torch.__version__}\n")
    print("Largest distance from dgesdd: of a singular value, in units of sigma_1, and of the cumulative curve; in brackets the\nmethod that took over.\n")
    print(f"{'':<28}" + "".join(f" {method:<27}" for method in (*METHODS, "torch f32")))
    print(f"{'    n':<28}" + f" {'sigma':>8} {'curve':>8} {'':<9}" * 4)
    rows = []
    for n in options.sides:
        for row in measure(options.attnspec, options.work, n):
            rows.append(row)
            print(line(f"{n:>5}  {row['family']}", row["errors"]), flush=True)
    heads = real_heads(options.attnspec, options.work)
    print(line("  512  MiniLM, 144 heads", heads))
    print()
    for method, (sigma_aim, curve_aim) in AIMS.items():
        worst = {what: max([row["errors"][method][what] for row in rows] + [heads[method][what]]) for what in ("sigma", "curve")}
        print(f"{method}: sigma {worst['sigma']:.1e}, aim {sigma_aim:.0e}: {'yes' if worst['sigma'] <= sigma_aim else 'NO'}; "
              f"curve {worst['curve']:.1e}, aim {curve_aim:.0e}: {'yes' if worst['curve'] <= curve_aim else 'NO'}")
    if options.json:
        benchmark.write_json(options.json, {"machine": facts, "versions": {"attnspec": version, "numpy": np.__version__, "torch": torch.__version__}, "rows": rows, "minilm": heads})


if __name__ == "__main__":
    sys.exit(main())
