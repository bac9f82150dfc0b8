#!/usr/bin/env python3
"""Spectra and trials on the GPU: attnspec beside torch.linalg.svdvals on the same card, and beside itself on the CPU.

Gram is timed on every route to eigenvalues (lib/backend/gpu_routes.cpp): the table there wants the fastest at each n.
All times run from host memory to host memory, of attention in half precision as dumps hold it. D is the time a matrix in units of the Gram route's flop floor, 7/3 n^3 at
the card's own rate of fp64 products, which torch tells. `bus` is the share of the time of one round more in which
something crossed the bus, by CUDA's events around each copy; of spectra on the fastest route.

Where one matrix is worked on after another, as by gesvd, fewer are timed: an eighth by cuSOLVER's routes, a sixty-fourth
by torch and by the direct method.

Trials are those of time_trials.cpp, for all heads together. Without a card nothing is timed, and the exit code is 6."""

import argparse
import json
import os
import statistics
import sys

import benchmark
import child
import machine

SIDES = (128, 256, 512, 1024, 2048)
ROUTES = ("together", "apart", "two-stage")
MOST_BYTES, MOST_COUNT = 1 << 30, 1440
TRIAL_SIDES, HEADS, TRIALS = (128, 512), 72, 32
ABSENT = 6  # attnspec's own exit code for what a machine lacks


def build_parser():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.path.join(benchmark.ROOT, "build", "release"), help="default: build/release")
    parser.add_argument("--device", default="cuda", help="cpu tries the script where there is no GPU (default: cuda)")
    parser.add_argument("--python", default="python3", help="one with torch and CUDA; without it the peer is left out (default: python3)")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of the host (default: all)")
    parser.add_argument("--rounds", type=int, default=5, help="default: 5")
    parser.add_argument("--sides", type=lambda text: [int(n) for n in text.split(",")], default=list(SIDES), help=f"n (default: {','.join(map(str, SIDES))})")
    parser.add_argument("--routes", type=lambda text: text.split(","), default=list(ROUTES), help=f"to eigenvalues (default: {','.join(ROUTES)})")
    parser.add_argument("--most", type=int, default=MOST_COUNT, help=f"matrices in a batch (default: {MOST_COUNT})")
    parser.add_argument("--trial-sides", type=lambda text: [int(n) for n in text.split(",")], default=list(TRIAL_SIDES), help=f"n of trials (default: {','.join(map(str, TRIAL_SIDES))})")
    parser.add_argument("--heads", type=int, default=HEADS, help=f"on trial together (default: {HEADS})")
    parser.add_argument("--trials", type=int, default=TRIALS, help=f"a round (default: {TRIALS})")
    parser.add_argument("--json", metavar="FILE", help="write everything that was measured")
    return parser


def attnspec(options, device, method, n, count, route=""):
    words = [os.path.join(options.build, "bin", "attnspec-time-spectra"), device, method, str(n), str(count), str(options.threads), str(options.rounds), "halves"]
    return json.loads(child.run(words, {**os.environ, "ATTNSPEC_GPU_ROUTE": route}).stdout)


def fewer(count, times):
    return max(1, count // times)


def by_route(options, n, count):
    """A route that fails costs its own column only."""
    found = {}
    for route in options.routes:
        try:
            found[route] = attnspec(options, options.device, "gram", n, count if route == "two-stage" else fewer(count, 8), route)
        except child.ChildFailed as error:
            print(f"    route {route} failed at n = {n}: {str(error)[-300:]}")
            found[route] = None
    return found


def peer(options, n, count):
    try:
        return json.loads(child.run([options.python, os.path.join(benchmark.HERE, "peer_gpu.py"), str(n), str(count)]).stdout)
    except (child.ChildFailed, FileNotFoundError) as error:
        print(f"    no peer at n = {n}: {str(error)[-300:]}")
        return None


def row(options, n):
    count = max(1, min(options.most, MOST_BYTES // (2 * n * n)))
    return {"n": n, "count": count, "gram": by_route(options, n, count), "direct": attnspec(options, options.device, "direct", n, fewer(count, 64)),
            "cpu": attnspec(options, "cpu", "gram", n, max(options.threads, count // 32)), "peer": peer(options, n, fewer(count, 64))}


def trials(options, device, n):
    words = [os.path.join(options.build, "bin", "attnspec-time-trials"), device, str(n), str(options.heads), str(options.trials), str(options.threads), str(options.rounds)]
    return json.loads(child.run(words).stdout)


def trial_row(options, n):
    card, cpu = trials(options, options.device, n), trials(options, "cpu", n)
    return {"n": n, "card": card, "cpu": cpu, "differ": abs(card["squares"] / cpu["squares"] - 1)}


def bus(run):
    """Nothing is put in the place of what was not measured."""
    return f"{'none':>6}" if run is None or run["bus_share"] is None else f"{run['bus_share']:>6.3f}"


def trial_line(found):
    card, cpu = (1e3 * statistics.median(found[device]["seconds"]) / found[device]["trials"] for device in ("card", "cpu"))
    return f"{found['n']:>5} {found['card']['heads']:>6} {card:>10.4f} {cpu:>10.4f} {cpu / card:>8.1f} {bus(found['card'])} {found['differ']:>8.1e}"


def ms(run):
    return 1e3 * statistics.median(run["seconds"]) / run["count"]


def line(found):
    n, theirs = found["n"], found["peer"]
    text = f"{n:>5} {found['count']:>6}"
    for run in found["gram"].values():
        text += f" {ms(run):>9.4f} {run['worst_sigma']:>8.1e}" if run else f" {'-':>9} {'-':>8}"
    text += f" {ms(found['direct']):>9.4f} {found['direct']['worst_sigma']:>8.1e} {ms(found['cpu']):>9.4f}"
    done = [ms(run) for run in found["gram"].values() if run]
    text += f" {bus(min((run for run in found['gram'].values() if run), key=ms, default=None))}"
    if theirs and done:
        torch64, torch32 = (1e3 * statistics.median(theirs[kind]) / theirs["count"] for kind in ("fp64", "fp32"))
        floor = 1e3 * 7 / 3 * n ** 3 / theirs["gemm_flops"]
        text += f" {torch64:>9.4f} {torch32:>9.4f} {torch64 / min(done):>8.1f} {torch32 / min(done):>8.1f} {min(done) / floor:>7.1f}"
    return text


def main():
    options = build_parser().parse_args()
    version, backends = machine.attnspec_facts(os.path.join(options.build, "bin", "attnspec"))
    facts = machine.facts()
    card = backends["gpu"]
    if card is None and options.device == "cuda":
        reasons = {entry["reason"] for entry in backends["backends"] if entry["device"] == "cuda"}
        print(f"bench_gpu.py: nothing was timed, there is no GPU to use: {'; '.join(sorted(reasons))}. --device cpu tries the script", file=sys.stderr)
        sys.exit(ABSENT)
    print(f"{version.splitlines()[0]}; {card['name'] + ', ' + card['libraries'] + ', driver for CUDA ' + card['driver'] if card else 'NO GPU'}")
    print(f"{facts['processor']}, {facts['cores']} cores, {facts['date']}; {options.rounds} rounds, medians, ms a matrix from host to host\n")
    columns = "".join(f" {route:>9} {'sigma':>8}" for route in options.routes)
    print(f"{'n':>5} {'batch':>6}{columns} {'direct':>9} {'sigma':>8} {'cpu gram':>9} {'bus':>6} {'torch f64':>9} {'torch f32':>9} {'over f64':>8} {'over f32':>8} {'D':>7}")
    measured = {"machine": facts, "gpu": card, "versions": {"attnspec": version}, "rows": [], "trials": []}

    def keep(table, found, text):
        measured[table].append(found)
        print(text, flush=True)
        if options.json:  # row by row: a run that is cut off has measured something
            benchmark.write_json(options.json, measured)

    for n in options.sides:
        found = row(options, n)
        keep("rows", found, line(found))
    print(f"\nms a trial of {options.heads} heads\n{'n':>5} {'heads':>6} {options.device:>10} {'cpu':>10} {'over cpu':>8} {'bus':>6} {'differ':>8}")
    for n in options.trial_sides:
        found = trial_row(options, n)
        keep("trials", found, trial_line(found))


if __name__ == "__main__":
    benchmark.run(main)
