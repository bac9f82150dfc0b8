#!/usr/bin/env bash
# Everything about the GPU backend on a machine with a card: build, tests, MiniLM on both devices, benchmark,
# compute-sanitizer. Results go into one folder: results.txt, gpu.json.
#   tests/gpu.sh RESULTS-FOLDER [build] [tests] [model] [bench] [sanitizer]      (default: all of them)
# A build/release that is already there is used as it is, also one that was made elsewhere: libraries that this machine
# lacks may lie in build/libraries.
set -uo pipefail
cd "$(dirname "$0")/.."
out=${1:?usage: tests/gpu.sh RESULTS-FOLDER [build] [tests] [model] [bench] [sanitizer]}
shift
steps=${*:-build tests model bench sanitizer}
mkdir -p "$out"
program=build/release/bin/attnspec
unit_tests=build/release/bin/attnspec-tests
failed=0
step() { echo; echo "== $*"; }
check() { "$@" || { echo "FAILED ($?): $*"; failed=1; }; }
asked() { [[ " $steps " == *" $1 "* ]]; }

# CUDA's libraries, wherever they are: the toolkit's, or those that pip brought beside torch.
of_pip=$(python3 -c 'import glob, sysconfig; print(":".join(glob.glob(sysconfig.get_path("purelib") + "/nvidia/*/lib")))' 2>/dev/null)
export LD_LIBRARY_PATH="$PWD/build/release/lib:$PWD/build/libraries:/usr/local/cuda/lib64:/usr/local/cuda/lib:$of_pip:${LD_LIBRARY_PATH:-}"
export PATH="$PATH:/usr/local/cuda/bin"

run_build() {
  [[ -x $unit_tests ]] && return
  step "build"
  tools/install_packages.sh tools/packages.txt tests/packages.txt &&
    cmake --preset release -DATTNSPEC_CUDA=ON && cmake --build build/release || exit 1
}

run_tests() {
  step "tests of the library, on every backend that is usable here"
  check "$unit_tests"
  step "tests of the command line"
  if grep -qs "^CMAKE_HOME_DIRECTORY:INTERNAL=$PWD\$" build/release/CMakeCache.txt; then
    check ctest --test-dir build/release -R "command line" --output-on-failure
  else  # built elsewhere
    check env ATTNSPEC="$PWD/$program" bash -c 'cd tests/tools && python3 test_gpu.py'
  fi
}

run_model() {
  step "the same MiniLM spectra on the card and on the CPU"
  local folder device
  folder=$(mktemp -d)
  for device in cpu cuda; do
    check "$program" spectrum sample_data/minilm-512.h5 --device $device --method gram -o "$folder/$device" --figures none --quiet
  done
  check python3 tests/bench/compare_curves.py "$folder/cpu/spectrum.csv" "$folder/cuda/spectrum.csv" --most 4e-6
  rm -rf "$folder"
}

run_bench() {
  step "benchmark"
  check python3 tests/bench/bench_gpu.py --json "$out/gpu.json"
}

run_sanitizer() {
  step "compute-sanitizer"
  if ! command -v compute-sanitizer >/dev/null; then
    check false "compute-sanitizer is not here"
    return
  fi
  # Races are looked for in our own kernels: the libraries' raise alarms of their own.
  for test in "a batch of a thousand agrees with the reference" "every backend makes the reference's errors*"; do
    check compute-sanitizer --tool memcheck --error-exitcode 9 "$unit_tests" "$test"
    check compute-sanitizer --tool racecheck --kernel-name kns=attnspec --error-exitcode 9 "$unit_tests" "$test"
  done
}

main() {
  step "machine"
  nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.sm,clocks.max.sm,clocks.mem,power.limit --format=csv || echo "no nvidia-smi"
  nvcc --version 2>/dev/null | tail -n 2
  asked build && run_build
  check "$program" backends
  asked tests && run_tests
  asked model && run_model
  asked bench && run_bench
  asked sanitizer && run_sanitizer
  step "$([[ $failed == 0 ]] && echo "everything passed" || echo "SOMETHING FAILED, see above")"
  return $failed
}
main 2>&1 | tee "$out/results.txt"
exit "${PIPESTATUS[0]}"
