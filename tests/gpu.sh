#!/usr/bin/env bash
# Everything about the GPU backend on a machine with a card: build, tests, MiniLM on both devices, compute-sanitizer,
# benchmark, profile. Results go into one folder: results.txt has all that was printed, with the card's name, driver,
# clocks and versions; gpu.json what was timed; minilm-*.h5 the curves. Without a card it says so, does what it can, and ends with exit code 6.
#   tests/gpu.sh RESULTS-FOLDER [build] [tests] [model] [sanitizer] [bench] [profile]      (default: all of them)
# A build that is already there is used as it is (ATTNSPEC_BUILD, build/release where it is not set), also one that was
# made elsewhere (tests/pack_for_gpu.sh): of the libraries in build/libraries those are used that this machine lacks. ATTNSPEC_BENCH: more words for
# bench_gpu.py; ATTNSPEC_LIMIT: seconds after which one command is stopped (1200).
set -uo pipefail
cd "$(dirname "$0")/.." || exit
out=${1:?usage: tests/gpu.sh RESULTS-FOLDER [build] [tests] [model] [sanitizer] [bench] [profile]}
shift
steps=${*:-build tests model sanitizer bench profile}
for step in $steps; do
  [[ " build tests model sanitizer bench profile " == *" $step "* ]] || { echo "tests/gpu.sh: there is no step $step" >&2; exit 2; }
done
mkdir -p "$out"
build=${ATTNSPEC_BUILD:-build/release}
program=$build/bin/attnspec
unit_tests=$build/bin/attnspec-tests
absent=6
failed=0
card=
step() { echo; echo "== $*"; }
# What hangs is stopped after so many seconds, and said.
check() { timeout --kill-after 10 "${ATTNSPEC_LIMIT:-1200}" "$@" || { echo "FAILED ($?): $*"; failed=1; }; }
# What waits for itself more than for the card runs beside other work, and is shown when all of it is done.
beside=$(mktemp -d)
lacking=$(mktemp -d)
scratch=$(mktemp -d)
trap 'rm -rf "$beside" "$lacking" "$scratch"' EXIT
in_background() {
  local file
  file=$beside/$(find "$beside" -type f | wc -l)
  ("$@"; exit $failed) >"$file" 2>&1 &
  echo $! >"$file.process"
}
wait_for_background() {
  local file
  for file in $(find "$beside" -name '*.process' | sort -V); do
    wait "$(cat "$file")" || failed=1
    cat "${file%.process}"
  done
  rm -f "$beside"/*
}
asked() { [[ " $steps " == *" $1 "* ]]; }

for library in build/libraries/*; do
  [[ -e $library ]] && ! ldconfig -p | grep -q "/${library##*/}\$" && ln -s "$PWD/$library" "$lacking"
done
# CUDA's libraries, wherever they are: the toolkit's, or those that pip brought beside torch.
of_pip=$(python3 -c 'import glob, sysconfig; print(":".join(glob.glob(sysconfig.get_path("purelib") + "/nvidia/*/lib")))' 2>/dev/null)
export LD_LIBRARY_PATH="$(realpath -m "$build")/lib:$lacking:/usr/local/cuda/lib64:/usr/local/cuda/lib:$of_pip:${LD_LIBRARY_PATH:-}"
export PATH="$PATH:/usr/local/cuda/bin"

show_machine() {
  step "machine"
  date --utc +"%Y-%m-%d %H:%M UTC"
  grep -m1 "model name" /proc/cpuinfo
  nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.sm,clocks.max.sm,clocks.mem,power.limit --format=csv || echo "no nvidia-smi"
  nvcc --version 2>/dev/null | tail -n 2
  python3 -c 'import torch; print("torch", torch.__version__, "CUDA", torch.version.cuda)' 2>/dev/null || echo "no torch: benchmarks have no peer"
}

run_build() {
  [[ -x $unit_tests ]] && return
  step "build"
  tools/install_packages.sh tools/packages.txt tests/packages.txt &&
    cmake --preset release -DATTNSPEC_CUDA=ON && cmake --build build/release || exit 1
}

look_for_card() {
  step "backends"
  "$program" --version
  check "$program" backends
  card=$("$program" backends --json | python3 -c 'import json, sys; print((json.load(sys.stdin)["gpu"] or {}).get("name", ""))')
  [[ -n $card ]] || echo "THERE IS NO CARD HERE, for the reason above: of the steps only tests are run"
}

# Of the tests of the library those that run on every usable backend; they read ATTNSPEC_GPU_ROUTE.
on_every_backend=("every backend*" "a batch of *" "a matrix gives*" "curves of matrices*" "a uniform matrix*")

tests_on_route() {
  local test
  step "tests of the backends on the route $1"
  for test in "${on_every_backend[@]}"; do check env ATTNSPEC_GPU_ROUTE="$1" "$unit_tests" "$test"; done
}

run_tests() {
  local route
  for route in together apart; do  # those which the table does not take
    [[ -z $card ]] || in_background tests_on_route $route
  done
  step "tests of the library, on every backend that is usable here"
  check "$unit_tests"
  wait_for_background
  if [[ -n $card ]]; then
    step "large matrices: worst_sigma is their distance from the CPU's singular values, in units of the largest"
    local n
    for n in 1500 1800 2304; do check "$build/bin/attnspec-time-spectra" cuda gram $n 3 "$(nproc)" 1 halves; done
  fi
  step "tests of the command line"
  if grep -qs "^CMAKE_HOME_DIRECTORY:INTERNAL=$PWD\$" "$build/CMakeCache.txt"; then
    check ctest --test-dir "$build" -R "command line" --output-on-failure
  else  # built elsewhere
    check env ATTNSPEC="$(realpath "$program")" bash -c 'cd tests/tools && python3 test_gpu.py'
  fi
}

run_model() {
  local folder device route
  folder=$(mktemp -d)
  check "$program" spectrum sample_data/minilm-512.h5 --device cpu --method direct -o "$folder/cpu" --figures none --quiet
  for route in together apart two-stage; do
    step "MiniLM on the card, route $route, beside the CPU"
    check env ATTNSPEC_GPU_ROUTE="$route" "$program" spectrum sample_data/minilm-512.h5 --device cuda --method gram -o "$folder/$route" --figures none --quiet
    check python3 tests/bench/compare_curves.py "$folder/cpu/spectrum.csv" "$folder/$route/spectrum.csv" --most 4e-6
  done
  for route in cpu two-stage; do cp "$folder/$route/spectrum.h5" "$out/minilm-$route.h5"; done
  step "the trials of MiniLM on the card and on the CPU"
  for device in cpu cuda; do
    check "$program" verify sample_data/minilm-512.h5 --device "$device" --trials 100 -o "$folder/verify-$device" --figures none --quiet
  done
  check python3 - "$folder" <<'PYTHON'
import csv, sys
cpu, cuda = (list(csv.DictReader(open(f"{sys.argv[1]}/verify-{device}/verify.csv"))) for device in ("cpu", "cuda"))
unlike = sum(a["verdict"] != b["verdict"] or a["failures"] != b["failures"] for a, b in zip(cpu, cuda))
print(f"{len(cpu)} rows, {unlike} with another verdict or another count of failures")
sys.exit(unlike > 0 or len(cpu) != len(cuda))
PYTHON
  rm -rf "$folder"
}

run_bench() {
  step "benchmark on $card"
  # shellcheck disable=SC2086  # several words
  check python3 tests/bench/bench_gpu.py --build "$build" --json "$out/gpu.json" ${ATTNSPEC_BENCH:-}
  nvidia-smi --query-gpu=clocks.sm,clocks.mem,temperature.gpu,power.draw --format=csv || true
}

# A kernel's own time by ncu, which runs them one by one; nsys, where it is, tells what happens together.
run_profile() {
  local work=("$build/bin/attnspec-time-spectra" cuda gram 512 384 "$(nproc)" 0 halves)
  step "profile of n = 512: time by kernel, counters, and on the bus"
  if command -v ncu >/dev/null; then
    check ncu --clock-control none --metrics gpu__time_duration.sum --print-summary per-kernel "${work[@]}"
    check ncu --clock-control none --set basic --kernel-name regex:in_blocks --launch-skip 60 --launch-count 6 "${work[@]}"
  else
    echo "ncu is not here: no time by kernel"
  fi
  if command -v nsys >/dev/null; then
    check nsys profile --force-overwrite true --trace cuda,cublas --output "$out/spectra" "${work[@]}"
    check nsys stats --report cuda_gpu_kern_sum,cuda_gpu_mem_time_sum --format column "$out/spectra.nsys-rep"
  else
    echo "nsys is not here: no overlap"
  fi
}

# Our own kernels: what is wrong in the libraries' is not ours to find.
sanitize() {
  local tool=$1
  shift
  step "compute-sanitizer, $tool: ${*:2}"
  check compute-sanitizer --tool $tool --kernel-name kns=in_blocks --error-exitcode 9 "$@"
}

# Racecheck follows every access to a block's memory, which takes long: small matrices, one of them of an odd side.
start_sanitizer() {
  if ! command -v compute-sanitizer >/dev/null; then
    echo "compute-sanitizer is not here"; failed=1
    return
  fi
  local test on_card=(--samples 0 --layers 0 --device cuda --figures none --quiet)
  python3 - sample_data/minilm-512.h5 "$scratch/odd.h5" <<'PYTHON'
import sys, h5py
with h5py.File(sys.argv[1]) as source, h5py.File(sys.argv[2], "w") as target:
    target.attrs.update(source.attrs)
    for name in ("query", "key"):
        target[name] = source[name][:, :, :, :289]
PYTHON
  for test in "every backend agrees with the reference on every shape and family" "every backend makes the reference's errors*"; do
    in_background sanitize "memcheck --report-api-errors no" "$unit_tests" "$test"
  done
  in_background sanitize "memcheck --report-api-errors no" "$program" spectrum "${on_card[@]}" --heads 0-1 --method gram -o "$scratch/large" sample_data/minilm-512.h5
  in_background sanitize racecheck "$program" spectrum "${on_card[@]}" --heads 0-1 --method gram -o "$scratch/small" sample_data/minilm-128.h5
  in_background sanitize racecheck "$program" spectrum "${on_card[@]}" --heads 0 --method gram -o "$scratch/odd" "$scratch/odd.h5"
  in_background sanitize racecheck "$program" verify "${on_card[@]}" --heads 0-1 --trials 2 -o "$scratch/trials" sample_data/minilm-128.h5
}

main() {
  show_machine
  asked build && run_build
  look_for_card
  [[ -n $card ]] && asked sanitizer && start_sanitizer
  asked tests && run_tests
  [[ -n $card ]] && asked model && run_model
  wait_for_background  # nothing else runs while something is timed
  local one
  for one in bench profile; do
    [[ -n $card ]] && asked $one && "run_$one"
  done
  if [[ $failed != 0 ]]; then
    step "SOMETHING FAILED, see above"
  elif [[ -z $card ]]; then
    step "NO CARD: nothing was run on a GPU"
    failed=$absent
  else
    step "everything passed on $card"
  fi
  return $failed
}
main 2>&1 | tee "$out/results.txt"
exit "${PIPESTATUS[0]}"
