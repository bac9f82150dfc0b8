"""Where a dump goes: its temporary name, and what can be refused before the long work starts."""

import os
import shutil

from attention_dump.errors import OUTPUT_FAILED, DumpError

# Metadata, attributes and input ids, generously.
OVERHEAD_BYTES = 1 << 20


def part_name(path):
    folder, name = os.path.split(path)
    return os.path.join(folder, f".{name}.part")


def check_output(path, overwrite):
    """What can be refused before a model is loaded."""
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        raise DumpError(OUTPUT_FAILED, f"{path}: there is no directory {folder}; make it first: mkdir -p {folder}")
    if os.path.isdir(path):
        raise DumpError(OUTPUT_FAILED, f"{path} is a directory, expected a file name; give -o {path}/dump.h5")
    if os.path.exists(path) and not overwrite:
        raise DumpError(OUTPUT_FAILED, f"{path} exists; give another name with -o, or --overwrite to replace it")
    if not os.access(folder, os.W_OK):
        raise DumpError(OUTPUT_FAILED, f"{path}: no permission to write in {folder}; choose another place with -o")


def check_space(path, needed_bytes):
    free = shutil.disk_usage(os.path.dirname(path) or ".").free
    if needed_bytes + OVERHEAD_BYTES > free:
        raise DumpError(OUTPUT_FAILED,
                        f"{path}: the dump takes {size_text(needed_bytes)}, {size_text(free)} are free; "
                        "take fewer --samples or --layers, or --store query,key in place of attention")


def size_text(count):
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"
