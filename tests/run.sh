#!/usr/bin/env bash
# Builds attnspec and runs every test. Installs what is missing; a second run does only what is left to do.
set -euo pipefail
cd "$(dirname "$0")/.."

echo "packages" >&2
tools/install_packages.sh tools/packages.txt tests/packages.txt

# torch and transformers, for the tests of tools/dump_attention.py; it says plainly when it is skipped without them.
venv=build/venv
if ! cmp -s tests/requirements.txt "$venv/requirements.txt"; then
  echo "torch and transformers into $venv (minutes and gigabytes, once; ATTNSPEC_WITHOUT_TORCH=1 leaves them out)" >&2
  mkdir -p build
  if [[ -n ${ATTNSPEC_WITHOUT_TORCH:-} ]]; then
    echo "left out: the real model's test will be skipped" >&2
  elif python3 -m venv "$venv" && "$venv/bin/pip" install -q --disable-pip-version-check -r tests/requirements.txt >build/venv.log 2>&1; then
    cp tests/requirements.txt "$venv/requirements.txt"
  else
    tail -n 3 build/venv.log >&2 || true
    echo "they can not be had here: the real model's test will be skipped" >&2
    rm -rf "$venv"
  fi
fi

cmake --workflow --preset dev
