#!/usr/bin/env bash
# From a fresh clone to Figure 1 of a real model: installs what is missing, builds, and runs on sample_data.
# A second run does only what is left to do.
set -euo pipefail
cd "$(dirname "$0")/.."

echo "1/3  packages" >&2
tools/install_packages.sh tools/packages.txt

echo "2/3  build (two minutes the first time; the log is build/quickstart.log)" >&2
mkdir -p build
{ cmake --preset release -DATTNSPEC_TESTS=OFF && cmake --build --preset release; } >build/quickstart.log 2>&1 ||
  { tail -n 30 build/quickstart.log >&2; echo "The build failed; the whole log is build/quickstart.log" >&2; exit 1; }

echo "3/3  Figure 1 of all-MiniLM-L6-v2 (sample_data/minilm-512.h5)" >&2
attnspec=build/release/bin/attnspec
"$attnspec" inspect sample_data/minilm-512.h5
echo
"$attnspec" spectrum sample_data/minilm-512.h5 -o build/quickstart --overwrite
echo
echo "The program is $attnspec; next, a dump of your own model: python3 tools/dump_attention.py --help"
