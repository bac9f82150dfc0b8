#!/usr/bin/env python3
"""Inputs for attnspec-fuzz-dump to begin with: what attnspec-catalog says of each fixture, and a chunk of every filter."""

import argparse
import os
import pathlib
import struct
import subprocess
import tempfile
import zlib

from mutate_dumps import ROOT, make_fixtures

# As in fuzz_dump.cpp: the options that the layout is found with.
DEFAULT_DOOR, FILTER_DOOR, DECODE_DOOR = 0, 6, 7
DOORS = {"named": 3, "latest_named": 3, "hooks": 4, "ragged": 5}
SHUFFLE, DEFLATE, FLETCHER32, LZF = range(4)


def table_of(reader, data):
    """The wire table; the dump is descriptor 3."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        command = ["sh", "-c", f'exec "$0" a.h5 3<"{file.name}"', reader]
        return subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout


def chunk(filters, stored):
    return bytes([FILTER_DOOR]) + struct.pack("<HIBB", 16, 0, 2, len(filters)) + bytes(filters) + stored


def seeds(reader):
    for name, fixture in make_fixtures().items():
        table = table_of(reader, fixture.data)
        for door in {DEFAULT_DOOR, DOORS.get(name, DEFAULT_DOOR)}:
            yield f"{name}-{door}", bytes([door]) + struct.pack("<I", len(table)) + table + fixture.data
    numbers = bytes(range(64))
    yield "deflate", chunk([DEFLATE], zlib.compress(numbers))
    yield "shuffle-deflate", chunk([SHUFFLE, DEFLATE], zlib.compress(numbers))
    yield "lzf", chunk([LZF], b"\x1f" + numbers[:32] + b"\x1f" + numbers[32:])
    yield "fletcher32", chunk([FLETCHER32], numbers + b"abcd")
    yield "decode", bytes([DECODE_DOOR, 0]) + numbers
    yield "decode-big-endian", bytes([DECODE_DOOR, 0x82]) + numbers


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--reader", default=str(ROOT / "build" / "release" / "libexec" / "attnspec" / "attnspec-catalog"))
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    for name, data in seeds(os.path.abspath(options.reader)):
        (options.folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
