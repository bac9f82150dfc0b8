#!/usr/bin/env python3
"""End-to-end wall time of `attnspec spectrum` on 144 heads of n = 512 in f16, beside a Python script for the same job.

Both sides read the same file from the page cache, use the same cores and alternate. attnspec is timed as a whole process;
a peer twice: as a whole process, and by its own clock from opening the file to the CSV written, imports left out.
"""

import argparse
import json
import os
import shutil
import statistics
import sys

import benchmark
import child
import compare_curves
import gram_floor
import machine

PEERS = {"torch": ("peer_torch.py", "svd"), "torch-float32": ("peer_torch.py", "svd-float32"), "torch-gram": ("peer_torch.py", "gram"),
         "numpy": ("peer_numpy.py", "svd"), "numpy-float32": ("peer_numpy.py", "svd-float32"), "numpy-gram": ("peer_numpy.py", "gram")}
CASES = {"stored": "P stored", "query-key": "Q and K"}
HEADS, N = 144, 512
LARGEST_RATIO, LARGEST_PEAK = 0.5, 600e6

EXAMPLES = """\
examples:
  bench_spectrum.py                                            both cases against torch
  bench_spectrum.py --peer torch,torch-gram,numpy --rounds 7
  bench_spectrum.py --case query-key --threads 1
  bench_spectrum.py --json result.json > result.txt
"""


def peer_list(text):
    names = text.split(",")
    for name in names:
        if name not in PEERS:
            raise argparse.ArgumentTypeError(f"'{name}' is none of {', '.join(PEERS)}")
    return names


def build_parser():
    venv = os.path.join(benchmark.ROOT, "build", "venv", "bin", "python")
    parser = argparse.ArgumentParser(description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--attnspec", metavar="PATH", default=os.path.join(benchmark.ROOT, "build", "release", "bin", "attnspec"),
                        help="default: build/release/bin/attnspec")
    parser.add_argument("--python", metavar="PATH", default=venv if os.path.exists(venv) else sys.executable,
                        help="one that has numpy, h5py and the peer's library (default: build/venv/bin/python where it exists)")
    parser.add_argument("--peer", metavar="LIST", type=peer_list, default=["torch"],
                        help=f"comma list of {', '.join(PEERS)} (default: torch, svdvals in double precision)")
    parser.add_argument("--case", choices=(*CASES, "both"), default="both", help="what the dump holds (default: both)")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="and cores, of both sides (default: all)")
    parser.add_argument("--rounds", type=int, default=5, help="of alternating runs (default: 5)")
    parser.add_argument("--busy", metavar="SHARE", type=float, default=0.05,
                        help="a run is disturbed where other processes use more than this share of the cores (default: 0.05)")
    parser.add_argument("--wait", metavar="SECONDS", type=float, default=60, help="for quiet, at most so long before each run (default: 60)")
    parser.add_argument("--tries", type=int, default=3, help="of a disturbed run, the least disturbed of which counts (default: 3)")
    parser.add_argument("--json", metavar="FILE", help="write everything that was measured")
    parser.add_argument("--work", metavar="DIR", default=benchmark.WORK, help="for dumps and results (default: build/bench)")
    return parser


def say(sentence):
    print(f"bench_spectrum.py: {sentence}", file=sys.stderr, flush=True)


def dump_of(case, options):
    """Real attention: 2 samples of MiniLM, with Q and K as it comes, and with P written once by the peer's Python."""
    source = os.path.join(benchmark.ROOT, "sample_data", "minilm-512.h5")
    if case == "query-key":
        return source
    stored = os.path.join(options.work, "minilm-512-stored.h5")
    if not os.path.exists(stored):
        child.run([options.python, os.path.join(benchmark.HERE, "store_attention.py"), source, stored + ".part"])
        os.rename(stored + ".part", stored)
    return stored


def contenders(dump, options):
    """Name -> (command, environment, CSV that it writes)."""
    threads = str(options.threads)
    found = {}
    for name, figures in (("attnspec", "none"), ("attnspec, figures", "svg,pdf,png")):
        folder = os.path.join(options.work, name.replace(", ", "-"))
        found[name] = ([options.attnspec, "spectrum", dump, "-o", folder, "--overwrite", "--figures", figures, "--quiet", "--threads",
                        threads], None, os.path.join(folder, "spectrum.csv"))
    environment = dict(os.environ, OMP_NUM_THREADS=threads, MKL_NUM_THREADS=threads, OPENBLAS_NUM_THREADS=threads)
    for peer in options.peer:
        script, values = PEERS[peer]
        output = os.path.join(options.work, f"{peer}.csv")
        found[peer] = ([options.python, os.path.join(benchmark.HERE, script), dump, output, "--threads", threads, "--values", values], environment, output)
    return found


def least_disturbed(dump, command, environment, options):
    tries = []
    while len(tries) < options.tries and not any(run.busy_elsewhere <= options.busy for run in tries):
        child.wait_for_quiet(options.busy, options.wait)
        child.read_through(dump)
        tries.append(child.run(command, environment, options.threads))
    return min(tries, key=lambda run: run.busy_elsewhere)


def alternate(dump, entries, kernel, options):
    """Rounds of one run each, A B C A B C, and a dgemm; one of each before that, uncounted, to warm up. Gives runs and milliseconds."""
    for command, environment, _ in entries.values():
        child.run(command, environment, options.threads)
    rounds, gemms = [], []
    for _ in range(options.rounds):
        gemms.append(gram_floor.dgemm(kernel, N)["median"])
        rounds.append({name: least_disturbed(dump, command, environment, options) for name, (command, environment, _) in entries.items()})
    return rounds, gemms


def spread(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values), "all": values}


def measure(case, kernel, options):
    dump = dump_of(case, options)
    entries = contenders(dump, options)
    shutil.rmtree(os.path.join(options.work, "attnspec"), ignore_errors=True)
    shutil.rmtree(os.path.join(options.work, "attnspec-figures"), ignore_errors=True)
    say(f"{CASES[case]}: {', '.join(entries)}; {options.rounds} rounds")
    rounds, gemms = alternate(dump, entries, kernel, options)
    floor_ms = gram_floor.GRAM_FLOOR * statistics.median(gemms)
    result = {"case": CASES[case], "dump": os.path.basename(dump), "heads": HEADS, "n": N, "threads": options.threads, "rounds": len(rounds),
              "load_average": os.getloadavg(), "dgemm_milliseconds": spread(gemms), "contenders": {}}
    for name, (_, _, output) in entries.items():
        runs = [one[name] for one in rounds]
        facts = {"wall_seconds": spread([run.wall_seconds for run in runs]), "cpu_seconds": spread([run.cpu_seconds for run in runs]),
                 "peak_bytes": max(run.peak_bytes for run in runs), "busy_elsewhere": spread([run.busy_elsewhere for run in runs])}
        if name in options.peer:
            words = [json.loads(run.stdout) for run in runs]
            facts["inner_seconds"] = spread([word["seconds"] for word in words])
            facts["versions"] = words[0]["versions"]
            facts["curve_difference"] = compare_curves.largest_difference(entries["attnspec"][2], output)
            for ours in ("attnspec", "attnspec, figures"):
                facts[f"{ours} / inner"] = spread([one[ours].wall_seconds / word["seconds"] for one, word in zip(rounds, words)])
        clock = facts.get("inner_seconds", facts["wall_seconds"])["median"]
        facts["D"] = clock * 1e3 * options.threads / HEADS / floor_ms
        result["contenders"][name] = facts
    return result


def case_table(result):
    lines = [f"{result['heads']} heads, n = {result['n']}, f16, {result['case']}; "
             f"{result['threads']} threads, {result['rounds']} rounds; dgemm {result['dgemm_milliseconds']['median']:.2f} ms; seconds",
             f"{'':<20} {'wall':>7} {'min':>7} {'max':>7}  {'inner':>7} {'min':>7} {'max':>7}  {'D':>6} {'peak MB':>8} {'others':>7}  {'curves':>8}  attnspec / inner, with figures"]
    for name, facts in result["contenders"].items():
        wall, inner = facts["wall_seconds"], facts.get("inner_seconds")
        line = f"{name:<20} {wall['median']:>7.3f} {wall['min']:>7.3f} {wall['max']:>7.3f}  "
        line += f"{inner['median']:>7.3f} {inner['min']:>7.3f} {inner['max']:>7.3f}  " if inner else " " * 25
        line += f"{facts['D']:>6.2f} {facts['peak_bytes'] / 1e6:>8.0f} {100 * facts['busy_elsewhere']['max']:>5.0f} %"
        if inner:
            plain, drawn = facts["attnspec / inner"], facts["attnspec, figures / inner"]
            line += f"  {facts['curve_difference']:>8.1e}  {plain['median']:.2f} ({plain['min']:.2f} .. {plain['max']:.2f}), " \
                    f"{drawn['median']:.2f} ({drawn['min']:.2f} .. {drawn['max']:.2f})"
        lines.append(line)
    return "\n".join(lines)


def claims(result, peer):
    facts = result["contenders"]
    ratios = [facts[peer][f"{ours} / inner"]["median"] for ours in ("attnspec", "attnspec, figures")]
    peaks = [facts[ours]["peak_bytes"] for ours in ("attnspec", "attnspec, figures")]
    return (f"{result['case']}: wall at most {LARGEST_RATIO} of {peer}'s inner time: {'yes' if max(ratios) <= LARGEST_RATIO else 'NO'} "
            f"({ratios[0]:.2f}, with figures {ratios[1]:.2f}); peak under {LARGEST_PEAK / 1e6:.0f} MB: "
            f"{'yes' if max(peaks) < LARGEST_PEAK else 'NO'} ({max(peaks) / 1e6:.0f} MB)")


def main():
    options = build_parser().parse_args()
    os.makedirs(options.work, exist_ok=True)
    version, backends = machine.attnspec_facts(options.attnspec)
    facts = machine.facts()
    say(f"load average {facts['load_average'][0]:.2f}")
    print(f"{version.splitlines()[0]}, {', '.join(version.splitlines()[1].split(', ')[:3])}; {backends['blas']['library']}, kernel {backends['blas']['kernel']}")
    print(f"{facts['processor']}, {facts['cores']} cores, {facts['system']}, {facts['date']}; load average {facts['load_average'][0]:.2f} before")

    results = []
    for case in CASES if options.case == "both" else [options.case]:
        results.append(measure(case, backends["blas"]["kernel"], options))
        print(f"\n{case_table(results[-1])}\n\n{claims(results[-1], options.peer[0])}", flush=True)
    peers = results[0]["contenders"]
    versions = {key: value for peer in options.peer for key, value in peers[peer]["versions"].items()}
    print(f"\n{', '.join(f'{name} {number}' for name, number in versions.items())}; load average {os.getloadavg()[0]:.2f} after, its own included")
    if options.json:
        benchmark.write_json(options.json, {"machine": facts, "versions": {"attnspec": version, "blas": backends["blas"], **versions},
                       "load_average_after": os.getloadavg(), "cases": results})


if __name__ == "__main__":
    benchmark.run(main)
