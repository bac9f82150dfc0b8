#!/usr/bin/env python3
"""Trials of `attnspec verify`, Theorem 1, n = 512, 72 heads, one epsilon and k: beside the flops' own time and numpy.

A trial's time is a slope (many trials less few), so start-up, reading and baselines drop out; R's making is in it. Its
flops, 4 k n d + 2 n^2 d a head, are set against one-thread dgemm(512) on every core at once.
"""

import argparse
import json
import os
import statistics

import benchmark
import child
import gram_floor
import machine

DUMP = os.path.join(benchmark.ROOT, "sample_data", "minilm-512.h5")
HEADS, N, D = 72, 512, 32
EPSILON, K = 0.5, 250
LEAST_RATE, LEAST_SPEEDUP = 0.7, 3.0


def build_parser():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--attnspec", default=os.path.join(benchmark.ROOT, "build", "release", "bin", "attnspec"), help="default: build/release/bin/attnspec")
    parser.add_argument("--python", default="/usr/bin/python3", help="one with numpy and h5py (default: /usr/bin/python3)")
    parser.add_argument("--threads", type=int, default=2, help="of both (default: 2)")
    parser.add_argument("--rounds", type=int, default=5, help="alternating (default: 5)")
    parser.add_argument("--trials", type=int, default=200, help="of the long run (default: 200)")
    parser.add_argument("--json", metavar="FILE", help="write everything that was measured")
    parser.add_argument("--work", metavar="DIR", default=benchmark.WORK, help="for results (default: build/bench)")
    return parser


def attnspec_run(options, trials, threads):
    folder = os.path.join(options.work, "verify")
    return child.run([options.attnspec, "verify", DUMP, "-o", folder, "--overwrite", "--figures", "none", "--quiet", "--claim", "theorem1",
                      "--construction", "paper", "--epsilon", str(EPSILON), "--k", str(K), "--trials", str(trials), "--threads", str(threads)],
                     None, threads)


def numpy_run(options, threads):
    environment = dict(os.environ, OMP_NUM_THREADS=str(threads), OPENBLAS_NUM_THREADS=str(threads))
    run = child.run([options.python, os.path.join(benchmark.HERE, "peer_trials.py"), DUMP, "--k", str(K), "--epsilon", str(EPSILON), "--trials", "24"],
                    environment, threads)
    return json.loads(run.stdout)


def one_round(options, kernel):
    few = 8
    child.wait_for_quiet(0.05, 60)
    gemm = gram_floor.dgemm(kernel, N)["median"] / 1e3
    short = attnspec_run(options, few, options.threads)
    long = attnspec_run(options, options.trials, options.threads)
    peer, alone = numpy_run(options, options.threads), numpy_run(options, 1)
    trial = (long.wall_seconds - short.wall_seconds) / (options.trials - few)
    flops = HEADS * (4 * K * N * D + 2 * N * N * D)
    floor = flops / (2 * N ** 3 / gemm) / options.threads
    return {"dgemm_seconds": gemm, "attnspec_seconds_a_trial": trial, "floor_seconds_a_trial": floor, "share_of_rate": floor / trial,
            "numpy_seconds_a_trial": peer["seconds_a_trial"], "speedup_over_numpy": peer["seconds_a_trial"] / trial,
            "numpy_alone_seconds_a_trial": alone["seconds_a_trial"], "speedup_over_numpy_alone": alone["seconds_a_trial"] / trial,
            "long_run_seconds": long.wall_seconds, "peak_bytes": long.peak_bytes, "short_peak_bytes": short.peak_bytes,
            "busy_elsewhere": max(short.busy_elsewhere, long.busy_elsewhere), "numpy": peer["numpy"]}


def spread(rounds, name, scale=1.0):
    values = [one[name] * scale for one in rounds]
    return statistics.median(values), min(values), max(values)


def main():
    options = build_parser().parse_args()
    os.makedirs(options.work, exist_ok=True)
    version, backends = machine.attnspec_facts(options.attnspec)
    facts = machine.facts()
    kernel = backends["blas"]["kernel"]
    rounds = [one_round(options, kernel) for _ in range(options.rounds)]
    print(f"{version.splitlines()[0]}; kernel {kernel}; {facts['processor']}, {facts['cores']} cores, {facts['date']}")
    print(f"verify, Theorem 1: n = {N}, d = {D}, {HEADS} heads, k = {K}, {options.threads} threads, {options.rounds} rounds: median (least .. most)\n")
    for label, name, scale, unit in [("a trial, all heads", "attnspec_seconds_a_trial", 1e3, "ms"), ("  its flops by dgemm", "floor_seconds_a_trial", 1e3, "ms"),
                                     ("  share of dgemm's rate", "share_of_rate", 1, ""), ("numpy, a trial", "numpy_seconds_a_trial", 1e3, "ms"),
                                     ("  numpy over attnspec", "speedup_over_numpy", 1, ""),
                                     ("numpy on one thread", "numpy_alone_seconds_a_trial", 1e3, "ms"), ("  numpy over attnspec", "speedup_over_numpy_alone", 1, ""),
                                     (f"{options.trials} trials, whole", "long_run_seconds", 1, "s"),
                                     ("  peak memory", "peak_bytes", 1e-6, "MB"), ("  peak memory, 8 trials", "short_peak_bytes", 1e-6, "MB"),
                                     ("other processes", "busy_elsewhere", 100, "%")]:
        median, least, most = spread(rounds, name, scale)
        print(f"{label:<26} {median:>9.2f} {unit:<3} ({least:.2f} .. {most:.2f})")
    rate, speedup, alone = (spread(rounds, name)[0] for name in ("share_of_rate", "speedup_over_numpy", "speedup_over_numpy_alone"))
    print(f"\nat least {LEAST_RATE} of dgemm's rate: {'yes' if rate >= LEAST_RATE else 'NO'}; at least {LEAST_SPEEDUP:.0f} times numpy {rounds[0]['numpy']}: "
          f"{'yes' if speedup >= LEAST_SPEEDUP else 'NO'} on as many threads, {'yes' if alone >= LEAST_SPEEDUP else 'NO'} on one")
    if options.json:
        benchmark.write_json(options.json, {"machine": facts, "versions": {"attnspec": version, "blas": backends["blas"]}, "rounds": rounds})


if __name__ == "__main__":
    benchmark.run(main)
