#!/usr/bin/env python3
"""Milliseconds a matrix of attnspec's methods at n = 128 to 2048, beside what else finds singular values on a CPU.

attnspec reads a dump in float16; its time is a slope, the wall time of the program over many matrices less that over few,
so start-up and tables drop out and reading stays in. Peers get the same matrices in memory, as float64. Everybody takes
turns, with the same number of threads on the same cores. Errors are distances from dgesdd.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass

import benchmark
import child
import gram_floor
import machine


@dataclass
class Size:
    n: int
    heads: int
    samples: int            # attnspec: over all of them, less the first
    peer_matrices: int


SIZES = (Size(128, 64, 129, 64), Size(256, 64, 33, 32), Size(512, 32, 17, 12), Size(1024, 32, 5, 4), Size(2048, 32, 3, 2))
# What attnspec is asked for: (name, causal dump, method)
OURS = (("auto", False, "auto"), ("gram", False, "gram"), ("auto, causal", True, "auto"), ("gram, causal", True, "gram"))
PEERS = ("torch-f64", "torch-f32", "torch-gram", "numpy", "scipy", "dgesdd", "sgesdd", "dsyevd")
AIMS_D = {128: (.95, 1.6), 256: (.9, 1.6), 512: (.85, 1.5), 1024: (.85, 1.5), 2048: (.8, 1.5)}
AIMS_TORCH = {128: (18, 15), 256: (13, 12), 512: (10, 9), 1024: (8, 5.5), 2048: (9, 5.5)}
BATCHES = (1, 2, 4, 8, 16, 32, 64, 128)


def build_parser():
    venv = os.path.join(benchmark.ROOT, "build", "venv", "bin", "python")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.path.join(benchmark.ROOT, "build", "release"), help="default: build/release")
    parser.add_argument("--python", default=venv if os.path.exists(venv) else sys.executable,
                        help="one with numpy, scipy, h5py and torch (default: build/venv/bin/python where it exists)")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="and cores, of everybody (default: all)")
    parser.add_argument("--rounds", type=int, default=5, help="default: 5")
    parser.add_argument("--sides", type=lambda text: [int(n) for n in text.split(",")], default=[size.n for size in SIZES], help="n (default: all)")
    parser.add_argument("--peers", type=lambda text: text.split(",") if text else [], default=list(PEERS), help=f"comma list (default: {','.join(PEERS)})")
    parser.add_argument("--json", metavar="FILE", help="write everything that was measured")
    parser.add_argument("--figure", metavar="FILE.png", help="draw it, with gnuplot")
    parser.add_argument("--work", metavar="DIR", default=benchmark.WORK, help="for dumps and results (default: build/bench)")
    return parser


def dump_of(options, size, causal):
    path = os.path.join(options.work, f"methods-{'causal' if causal else 'dense'}-{size.n}-{size.samples}x{size.heads}.h5")
    if not os.path.exists(path):
        program = os.path.join(options.build, "bin", "attnspec")
        child.run([program, "synth", "random", "-o", path, "--n", str(size.n), "--samples", str(size.samples), "--heads", str(size.heads),
                   "--store-attention", "--dtype", "f16", "--quiet", *(["--causal"] if causal else [])])
    return path


class Bench:
    """One n: everybody once a round."""

    def __init__(self, options, size, kernel):
        self.options, self.size, self.kernel = options, size, kernel
        self.dumps = {causal: dump_of(options, size, causal) for causal in (False, True)}
        self.times, self.errors, self.gemms = {}, {}, []
        self.truth = {causal: os.path.join(options.work, f"truth-{size.n}-{causal}.npy") for causal in (False, True)}
        for causal in (False, True):
            self.peer_script("truth", causal)

    def peer_script(self, peer, causal):
        threads = str(self.options.threads)
        environment = dict(os.environ, OMP_NUM_THREADS=threads, MKL_NUM_THREADS=threads, OPENBLAS_NUM_THREADS=threads)
        script = os.path.join(benchmark.HERE, "peer_values.py")
        return child.run([self.options.python, script, peer, self.dumps[causal], "--count", str(self.size.peer_matrices),
                          "--threads", threads, "--values", self.truth[causal]], environment, self.options.threads).stdout

    def wall(self, causal, method, samples):
        child.read_through(self.dumps[causal])
        folder = os.path.join(self.options.work, "methods")
        program = os.path.join(self.options.build, "bin", "attnspec")
        return child.run([program, "spectrum", self.dumps[causal], "-o", folder, "--overwrite", "--quiet", "--figures", "none", "--method", method,
                          "--device", "cpu", "--threads", str(self.options.threads), "--samples", samples], cores=self.options.threads).wall_seconds

    def ours(self, name, causal, method):
        few = self.wall(causal, method, "0")
        if name not in self.errors:
            self.errors[name] = self.distances(causal)
        many = self.wall(causal, method, f"0-{self.size.samples - 1}")
        self.times.setdefault(name, []).append((many - few) / (self.size.heads * (self.size.samples - 1)) * 1e3)

    def distances(self, causal):
        """Of the spectra just written, by the peers' Python."""
        script = ("import sys, h5py, numpy, json; sys.path.insert(0, sys.argv[3]); import peer_values; truth = numpy.load(sys.argv[2])[:int(sys.argv[4])]; "
                  "values = h5py.File(sys.argv[1])['sigma'][0, 0][:len(truth)]; print(json.dumps(peer_values.distances(values, truth[:len(values)])))")
        spectra = os.path.join(self.options.work, "methods", "spectrum.h5")
        words = [self.options.python, "-c", script, spectra, self.truth[causal], benchmark.HERE, str(self.size.heads)]
        return json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout)

    def peer(self, name):
        answer = json.loads(self.peer_script(name, False))
        self.times.setdefault(name, []).append(statistics.median(answer["milliseconds"]))
        self.errors[name] = answer["sigma"], answer["curve"]

    def one_round(self):
        self.gemms.append(gram_floor.dgemm(self.kernel, self.size.n)["median"])
        for name, causal, method in OURS:
            self.ours(name, causal, method)
        for name in self.options.peers:
            self.peer(name)

    def result(self):
        gemm = statistics.median(self.gemms)
        rows = [{"name": name, "milliseconds": {"median": statistics.median(times), "min": min(times), "max": max(times)},
                 "D": statistics.median(times) * self.options.threads / (gram_floor.GRAM_FLOOR * gemm),
                 "sigma_error": self.errors[name][0], "curve_error": self.errors[name][1]} for name, times in self.times.items()]
        return {"n": self.size.n, "dgemm_milliseconds": gemm, "rows": rows}


def milliseconds(result):
    return {row["name"]: row["milliseconds"]["median"] for row in result["rows"]}


def table(result, threads):
    ours = milliseconds(result)["auto"]
    lines = [f"n = {result['n']}, {threads} threads; dgemm on one thread {result['dgemm_milliseconds']:.3f} ms",
             f"{'':<14} {'ms':>9} {'min':>9} {'max':>9} {'D':>7} {'over auto':>9} {'sigma':>9} {'curve':>9}"]
    for row in result["rows"]:
        ms = row["milliseconds"]
        lines.append(f"{row['name']:<14} {ms['median']:>9.3f} {ms['min']:>9.3f} {ms['max']:>9.3f} {row['D']:>7.2f} {ms['median'] / ours:>9.1f} "
                     f"{row['sigma_error']:>9.1e} {row['curve_error']:>9.1e}")
    return "\n".join(lines)


def aims(result):
    times = milliseconds(result)
    factors = {row["name"]: row["D"] for row in result["rows"]}
    n, said = result["n"], []
    for name, aim in zip(("auto", "gram"), AIMS_D[n]):
        said.append(f"D of {name} {factors[name]:.2f}, aim {aim}: {'yes' if factors[name] <= aim else 'NO'}")
    for name, aim in zip(("torch-f64", "torch-f32"), AIMS_TORCH[n]):
        if name in times:
            said.append(f"{name} over auto {times[name] / times['auto']:.1f}, aim {aim}: {'yes' if times[name] / times['auto'] >= aim else 'NO'}")
    if n >= 512:
        gain = times["gram"] / times["gram, causal"]
        said.append(f"gram over gram, causal {gain:.2f}, aim 1.3: {'yes' if gain >= 1.3 else 'NO'}")
    return f"n = {n}: " + "; ".join(said)


def batches(options):
    """Milliseconds a matrix by the size of the batch, n = 512, in memory."""
    program = os.path.join(options.build, "bin", "attnspec-time-spectra")
    found = {}
    for method in ("direct32", "gram"):
        for count in BATCHES:
            rounds = max(3, 64 // count)
            answer = json.loads(child.run([program, "cpu", method, "512", str(count), str(options.threads), str(rounds)], cores=options.threads).stdout)
            found.setdefault(method, {})[count] = statistics.median(answer["seconds"]) / count * 1e3
    return found


def batch_table(found):
    lines = ["ms a matrix by the size of the batch, n = 512, in memory", f"{'':<14}" + "".join(f"{count:>8}" for count in BATCHES)]
    return "\n".join(lines + [f"{method:<14}" + "".join(f"{times[count]:>8.2f}" for count in BATCHES) for method, times in found.items()])


# As gnuplot draws them: name in the table, in the figure, colour, width.
LINES = (("dgesdd", "LAPACK dgesdd", "#bbbbbb", 2), ("numpy", "numpy.linalg.svd", "#7f7f7f", 2), ("torch-f64", "torch svdvals, f64", "#e08214", 2),
         ("torch-f32", "torch svdvals, f32", "#f1b65d", 2), ("torch-gram", "torch eigvalsh of P^T P", "#b3a2c7", 2), ("dsyevd", "LAPACK dsyrk + dsyevd", "#8fb8de", 2),
         ("gram", "attnspec gram, f64", "#2166ac", 5), ("auto", "attnspec auto, f16 dump", "#b2182b", 5))


def draw(results, where, path):
    """D by n, a line a contender, its name at the line's right end."""
    shown = [line for line in LINES if all(line[0] in milliseconds(result) for result in results)]
    factors = [{row["name"]: row["D"] for row in result["rows"]} for result in results]
    data = "\n".join(" ".join([str(result["n"]), *(f"{factor[name]:.4f}" for name, *_ in shown)]) for result, factor in zip(results, factors))
    plots = ", ".join(f"$data using 1:{i + 2} with linespoints pt 7 ps {0.5 + width / 4} lw {width} lc rgb '{colour}' title '{label}'"
                      for i, (_, label, colour, width) in enumerate(shown))
    script = f"""set terminal pngcairo size 1500,840 font 'sans,18' noenhanced
set output '{path}'
$data << END
{data}
END
set logscale xy
set xrange [{results[0]['n'] * 0.9}:{results[-1]['n'] * 1.1}]
set yrange [0.45:{1.3 * max(factor[name] for factor in factors for name, *_ in shown)}]
set xtics ({', '.join(str(result['n']) for result in results)})
set ytics (0.57, 1, 2, 5, 10, 20)
set grid ytics lc rgb '#dddddd'
set border 3
set tics nomirror
set key outside right center vertical Left reverse samplen 2
set xlabel 'n'
set ylabel 'D, the time of a matrix in units of the fp64 Gram floor'
set title 'Singular values of n x n attention; {where}'
plot 1 lw 1 dt 2 lc rgb '#2166ac' notitle, 0.57 lw 1 dt 2 lc rgb '#b2182b' notitle, {plots}
"""
    subprocess.run(["gnuplot"], input=script, text=True, check=True)


def main():
    options = build_parser().parse_args()
    os.makedirs(options.work, exist_ok=True)
    version, backends = machine.attnspec_facts(os.path.join(options.build, "bin", "attnspec"))
    facts = machine.facts()
    print(f"{version.splitlines()[0]}; kernel {backends['blas']['kernel']}; {facts['processor']}, {facts['cores']} cores, {facts['date']}; {options.rounds} rounds\n")
    results = []
    for size in [size for size in SIZES if size.n in options.sides]:
        print(f"bench_methods.py: n = {size.n}", file=sys.stderr, flush=True)
        bench = Bench(options, size, backends["blas"]["kernel"])
        for _ in range(options.rounds):
            bench.one_round()
        results.append(bench.result())
        print(table(results[-1], options.threads) + "\n", flush=True)
    grown = batches(options)
    print(batch_table(grown) + "\n")
    print("\n".join(aims(result) for result in results))
    if options.json:
        benchmark.write_json(options.json, {"machine": facts, "versions": {"attnspec": version, "blas": backends["blas"]}, "threads": options.threads,
                                            "sizes": results, "batches": grown})
    if options.figure:
        draw(results, f"{facts['processor']}, {options.threads} threads", options.figure)


if __name__ == "__main__":
    benchmark.run(main)
