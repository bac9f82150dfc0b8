#!/usr/bin/env bash
# Everything about the GPU backend on a machine with a card: build, whole test suite, compute-sanitizer, benchmark.
#   tests/gpu.sh RESULTS-FOLDER
# What is already built in build/release is used as it is. The results go into one folder: results.txt, gpu.json.
set -uo pipefail
cd "$(dirname "$0")/.."
out=${1:?usage: tests/gpu.sh RESULTS-FOLDER}
mkdir -p "$out"
exec > >(tee "$out/results.txt") 2>&1
failed=0
step() { echo; echo "== $*"; }
check() { "$@" || { echo "FAILED ($?): $*"; failed=1; }; }

step "machine"
nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.sm,clocks.max.sm,clocks.mem,power.limit --format=csv || echo "no nvidia-smi"
nvcc --version 2>/dev/null | tail -n 2

if [[ ! -x build/release/bin/attnspec-tests ]]; then
  step "build"
  tools/install_packages.sh tools/packages.txt tests/packages.txt || exit 1
  cmake --preset release -DATTNSPEC_CUDA=ON && cmake --build build/release || exit 1
fi
check build/release/bin/attnspec backends

step "tests of the library, on every backend that is usable here"
check build/release/bin/attnspec-tests

step "tests of the command line"
if command -v ctest >/dev/null && [[ -f build/release/CTestTestfile.cmake ]]; then
  check ctest --test-dir build/release -R "command line" --output-on-failure
else
  check env ATTNSPEC="$PWD/build/release/bin/attnspec" bash -c 'cd tests/tools && python3 test_gpu.py'
fi

step "the same MiniLM spectra on the card and on the CPU"
for device in cpu cuda; do
  check build/release/bin/attnspec spectrum sample_data/minilm-512.h5 --device $device -o "$out/$device" --overwrite --figures none --quiet
done
check python3 tests/bench/compare_curves.py "$out/cpu/spectrum.csv" "$out/cuda/spectrum.csv" --most 1e-6

step "compute-sanitizer on the tests of the backends"
if command -v compute-sanitizer >/dev/null; then
  for tool in memcheck racecheck; do
    check compute-sanitizer --tool $tool --error-exitcode 9 build/release/bin/attnspec-tests "every backend agrees with the reference on every shape and family"
    check compute-sanitizer --tool $tool --error-exitcode 9 build/release/bin/attnspec-tests "every backend makes the reference's errors*"
  done
else
  echo "compute-sanitizer is not here"
fi

step "benchmark"
check python3 tests/bench/bench_gpu.py --json "$out/gpu.json"
step "$([[ $failed == 0 ]] && echo "everything passed" || echo "SOMETHING FAILED, see above")"
exit $failed
