#!/usr/bin/env bash
# Brings a build up to date and packs what tests/gpu.sh needs of it, for a machine with a card that can not build:
# programs, libraries, and what they need of the system's but for CUDA's and the C and C++ libraries. Unpacked in a copy
# of this tree, at the same place, it lies where tests/gpu.sh looks for it.
#   tests/pack_for_gpu.sh [BUILD] [ARCHIVE]      (default: build/release, build/for-gpu.tar.xz)
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:-build/release}
archive=${2:-build/for-gpu.tar.xz}
cmake "$build" >/dev/null && cmake --build "$build"  # of this commit, as results will say
ready=$(mktemp -d)
trap 'rm -rf "$ready"' EXIT
mkdir -p "$ready/build/release/lib" "$ready/build/libraries"
cp -a "$build/bin" "$build/libexec" "$ready/build/release/"
cp -a "$build"/lib/*.so* "$ready/build/release/lib/"
# OpenBLAS is opened by name, not linked.
of_theirs='/(libcu|libnv|libstdc\+\+|libgcc_s|libc\.|libm\.|libdl\.|librt\.|libpthread\.|ld-linux)'
for file in "$ready"/build/release/bin/* "$ready"/build/release/lib/*.so* $(ldconfig -p | grep -o '/[^ ]*/libopenblas\.so\.0$' | head -1); do
  echo "$file"
  ldd "$file" 2>/dev/null | grep -o '/[^ ]*' || true
done | grep -v "^$ready" | grep -v "^$(realpath "$build")" | grep -Ev "$of_theirs" | sort -u | xargs -r cp -Lt "$ready/build/libraries"
tar -C "$ready" -cJf "$archive" build
ls -l "$archive"
