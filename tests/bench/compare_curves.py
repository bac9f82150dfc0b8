#!/usr/bin/env python3
"""How far the mean cumulative curves of two spectrum.csv lie apart; exit 1 where it is more than --most."""

import argparse
import csv
import sys


def curves(path):
    with open(path, newline="") as file:
        return {(row["layer"], row["head"], row["n"], row["index"]): float(row["cumulative_mean"]) for row in csv.DictReader(file)}


def largest_difference(path, other):
    ours, theirs = curves(path), curves(other)
    if ours.keys() != theirs.keys():
        raise SystemExit(f"compare_curves.py: {path} and {other} hold curves of different heads")
    return max(abs(ours[key] - theirs[key]) for key in ours)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("one", metavar="spectrum.csv")
    parser.add_argument("other", metavar="spectrum.csv")
    parser.add_argument("--most", type=float, default=1e-6, help="default: 1e-6")
    options = parser.parse_args()
    difference = largest_difference(options.one, options.other)
    print(f"curves differ by at most {difference:.2g}")
    sys.exit(difference > options.most)


if __name__ == "__main__":
    main()
