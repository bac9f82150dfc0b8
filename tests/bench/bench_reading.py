#!/usr/bin/env python3
"""Reading dumps into float64: attnspec beside h5py and HDF5's own conversion, on the same file in the page cache.

144 attention matrices of n = 512 of a real model, stored in several ways. attnspec's time includes its look at every entry."""

import argparse
import json
import os
import statistics

import benchmark
import child
import machine

SOURCE = os.path.join(benchmark.ROOT, "sample_data", "minilm-512.h5")

# name, keywords of create_dataset, dtype, least times h5py (astype), least times H5Dread
CASES = [
    ("f16, contiguous", {}, "f2", None, 20),
    ("f16, a chunk a matrix", {"chunks": (1, 1, 1, 512, 512)}, "f2", None, 20),
    ("f16, gzip 1 + shuffle", {"chunks": (1, 1, 1, 512, 512), "compression": "gzip", "compression_opts": 1, "shuffle": True}, "f2", 2.5, None),
    ("f16, gzip 4, h5py's chunks", {"chunks": True, "compression": "gzip", "shuffle": True}, "f2", 2.5, None),
    ("f16, lzf + shuffle", {"chunks": (1, 1, 1, 512, 512), "compression": "lzf", "shuffle": True}, "f2", 2.5, None),
    ("f32, contiguous", {}, "f4", None, None),
]


def build_parser():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.path.join(benchmark.ROOT, "build", "release"), help="default: build/release")
    parser.add_argument("--python", default="/usr/bin/python3", help="one with numpy and h5py (default: /usr/bin/python3)")
    parser.add_argument("--threads", type=int, default=2, help="attnspec's (default: 2); h5py has one")
    parser.add_argument("--rounds", type=int, default=5, help="alternating (default: 5)")
    parser.add_argument("--json", metavar="FILE", help="write everything that was measured")
    parser.add_argument("--work", metavar="DIR", default=benchmark.WORK, help="for the files that are read (default: build/bench)")
    return parser


def stored(options, index, keywords, dtype):
    path = os.path.join(options.work, f"reading-{index}.h5")
    if not os.path.exists(path):
        child.run([options.python, os.path.join(benchmark.HERE, "store_attention.py"), SOURCE, path + ".part", "--type", dtype,
                   "--storage", json.dumps(keywords)])
        os.replace(path + ".part", path)
    return path


def measure(words, cores):
    run = child.run(words, None, cores)
    return dict(json.loads(run.stdout), busy_elsewhere=run.busy_elsewhere)


def one_case(options, path):
    contenders = {"attnspec": [os.path.join(options.build, "bin", "attnspec-read-dump"), path, str(options.threads)],
                  "h5py": [options.python, os.path.join(benchmark.HERE, "peer_reading.py"), path, "astype"],
                  "h5dread": [options.python, os.path.join(benchmark.HERE, "peer_reading.py"), path, "h5dread"]}
    rounds = []
    for _ in range(options.rounds):
        child.wait_for_quiet(0.05, 30)
        child.read_through(path)
        rounds.append({name: measure(words, options.threads) for name, words in contenders.items()})
    sums = {round[name]["sum"] for round in rounds for name in contenders}
    if max(sums) - min(sums) > 1e-9:
        raise child.ChildFailed(f"{path}: the contenders read unlike numbers: {sums}")
    return rounds


def main():
    options = build_parser().parse_args()
    os.makedirs(options.work, exist_ok=True)
    version, _ = machine.attnspec_facts(os.path.join(options.build, "bin", "attnspec"))
    facts = machine.facts()
    print(f"{version.splitlines()[0]}; {facts['processor']}, {facts['cores']} cores, {facts['date']}")
    print(f"144 matrices of n = 512 into float64, page cache, attnspec on {options.threads} threads, {options.rounds} rounds: median ms a matrix (least .. most)\n")
    print(f"{'stored as':<28} {'MB':>5}  {'attnspec':>18} {'h5py astype':>20} {'H5Dread to f64':>20}  {'h5py/':>6} {'H5Dread/':>8}  aim")
    everything, missed = [], []
    for index, (name, keywords, dtype, least_h5py, least_h5dread) in enumerate(CASES):
        path = stored(options, index, keywords, dtype)
        rounds = one_case(options, path)
        times = {who: sorted(1e3 * round[who]["seconds"] / round[who]["matrices"] for round in rounds) for who in rounds[0]}
        over = {who: statistics.median(round[who]["seconds"] / round["attnspec"]["seconds"] for round in rounds) for who in ("h5py", "h5dread")}
        cell = {who: f"{statistics.median(t):.3f} ({t[0]:.3f}..{t[-1]:.3f})" for who, t in times.items()}
        aims = [(who, least) for who, least in (("h5py", least_h5py), ("h5dread", least_h5dread)) if least]
        said = "; ".join(f"{'yes' if over[who] >= least else 'NO'}: {least} x {'h5py' if who == 'h5py' else 'H5Dread'}" for who, least in aims)
        missed += [name for who, least in aims if over[who] < least]
        print(f"{name:<28} {os.path.getsize(path) / 1e6:>5.0f}  {cell['attnspec']:>18} {cell['h5py']:>20} {cell['h5dread']:>20}  {over['h5py']:>6.1f} {over['h5dread']:>8.1f}  {said}")
        everything.append({"case": name, "dtype": dtype, "bytes": os.path.getsize(path), "rounds": rounds, "over": over})
    busiest = max(round[who]["busy_elsewhere"] for case in everything for round in case["rounds"] for who in round)
    first = everything[0]["rounds"][0]
    print(f"\nh5py {first['h5py']['h5py']}, HDF5 {first['h5py']['hdf5']}; other processes used at most {100 * busiest:.0f} % of the cores")
    print("every aim reached" if not missed else f"missed: {', '.join(missed)}")
    if options.json:
        benchmark.write_json(options.json, {"machine": facts, "versions": {"attnspec": version}, "cases": everything})


if __name__ == "__main__":
    benchmark.run(main)
