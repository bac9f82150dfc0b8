#!/usr/bin/env python3
"""Who may include whom: every #include of our code against the floors of the house. See CONTRIBUTING.md."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Folder, folders of ours it may include, and headers of other libraries it may include beside the standard library.
FLOORS = [
    ("lib/core", ["lib/core"], ["Random123/"]),
    ("lib/theory", ["lib/core", "lib/theory"], ["boost/"]),
    ("lib/dump", ["lib/core", "lib/dump"], ["hdf5.h", "libdeflate.h", "lzf.h"]),
    ("lib/backend/cuda", ["lib/core", "lib/backend"], ["cuda_runtime_api.h", "cublas_v2.h", "cusolverDn.h"]),
    ("lib/backend", ["lib/core", "lib/backend"], ["Eigen/", "lapacke.h", "cblas.h"]),
    ("analysis/writers", ["lib/core", "analysis"], ["fmt/", "nlohmann/"]),
    ("analysis", ["lib", "analysis"], ["fmt/"]),
    ("tools", ["lib", "analysis", "tools"], ["fmt/", "nlohmann/", "CLI/", "openssl/", "libdeflate.h"]),
]
SYSTEM = ["sys/", "unistd.h", "fcntl.h", "sched.h", "spawn.h", "dlfcn.h", "langinfo.h", "immintrin.h", "poll.h", "signal.h"]
INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)', re.MULTILINE)


def floor_of(path):
    return next(floor for floor in FLOORS if path.startswith(floor[0] + "/"))


def complaints(path, text):
    name, ours, others = floor_of(path)
    for quoted, angled in INCLUDE.findall(text):
        if quoted and not any(quoted.startswith(folder + "/") for folder in ours):
            yield f"{path}: {name} may not include \"{quoted}\"; it may include {', '.join(ours)}"
        if angled and not is_standard(angled) and not any(angled.startswith(p) for p in others + SYSTEM):
            yield f"{path}: {name} may not include <{angled}>; it may include the standard library{', ' if others else ''}{', '.join(others)}"
    if name == "lib/backend" and "reference" not in path and "<Eigen/" in text:
        yield f"{path}: Eigen belongs to the reference backend"


def is_standard(header):
    return re.fullmatch(r"[a-z_0-9]+", header) is not None


def main():
    found, files = [], 0
    for folder in ["lib", "analysis", "tools"]:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix not in (".cpp", ".hpp", ".cu"):
                continue
            relative = str(path.relative_to(ROOT))
            text = path.read_text()
            files += 1
            found += complaints(relative, text)
            if not text.startswith("// "):
                found.append(f"{relative}: its first line does not say what lives there")
    print("\n".join(found) or f"{files} files keep to their floors")
    return 1 if found or files < 20 else 0


if __name__ == "__main__":
    sys.exit(main())
