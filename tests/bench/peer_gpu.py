#!/usr/bin/env python3
"""torch.linalg.svdvals on the GPU, and the card's own rate at fp64 products. Prints JSON."""

import argparse
import json
import time

import torch


def seconds(work, rounds):
    work()
    found = []
    for _ in range(rounds):
        torch.cuda.synchronize()
        start = time.perf_counter()
        work()
        torch.cuda.synchronize()
        found.append(time.perf_counter() - start)
    return found


def product_rate(n, rounds):
    matrix = torch.randn(n, n, device="cuda", dtype=torch.float64)
    return 2 * n ** 3 / min(seconds(lambda: matrix @ matrix, rounds))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("n", type=int)
    parser.add_argument("count", type=int)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    torch.manual_seed(1)
    host = torch.softmax(torch.randn(options.count, options.n, options.n), -1).half()
    result = {"gemm_flops": product_rate(8192, options.rounds), "device": torch.cuda.get_device_name(), "torch": torch.__version__, "count": options.count}
    # From host memory to host memory, as attnspec is timed.
    for name, dtype in (("fp64", torch.float64), ("fp32", torch.float32)):
        result[name] = seconds(lambda: torch.linalg.svdvals(host.cuda().to(dtype)).cpu(), options.rounds)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
