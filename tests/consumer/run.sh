#!/usr/bin/env bash
# Installs a build tree into a scratch folder and builds a small program against it, by CMake and by pkg-config.
set -euo pipefail
build=$1
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

cmake --install "$build" --prefix "$scratch/prefix" >"$scratch/install.log"
flags=$(sed -n 's/^CMAKE_CXX_FLAGS:STRING=//p' "$build/CMakeCache.txt")

cmake -G Ninja -S "$here" -B "$scratch/build" -DCMAKE_PREFIX_PATH="$scratch/prefix" -DCMAKE_CXX_FLAGS="$flags" >"$scratch/configure.log" || { cat "$scratch/configure.log"; exit 1; }
cmake --build "$scratch/build" >"$scratch/build.log" || { cat "$scratch/build.log"; exit 1; }
"$scratch/build/consumer"

PKG_CONFIG_PATH=$(dirname "$(find "$scratch/prefix" -name attnspec.pc)")
export PKG_CONFIG_PATH
libdir=$(pkg-config --variable=libdir attnspec)
# shellcheck disable=SC2046,SC2086
c++ $flags "$here/consumer.cpp" -o "$scratch/by-pkg-config" $(pkg-config --cflags --libs attnspec) -Wl,-rpath,"$libdir"
"$scratch/by-pkg-config"

"$scratch/prefix/bin/attnspec" --version
"$scratch/prefix/bin/attnspec" backends --json | grep -q '"loaded": true'
python3 "$scratch/prefix/libexec/attnspec/dump_attention.py" --help >/dev/null
