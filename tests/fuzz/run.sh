#!/usr/bin/env bash
# Every fuzz target for about SECONDS each, on its kept corpus and dictionary. Usage: tests/fuzz/run.sh [SECONDS] [TARGET...]
# Targets are the *_fuzz.cc beside the readers they feed. Kept inputs: tests/fuzz/corpus/TARGET; words: tests/fuzz/TARGET.dict.
# New inputs found on the way stay in build/fuzz-corpus; a crashing input is kept there too and named.
# A short run is the same every time, so that it can guard a change: a fixed seed and number of inputs, nothing learnt from
# earlier runs. It shares the quick build of the asan suite; from a minute a target on, an optimised one pays for itself.
set -uo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-10}
shift || true
export CCACHE_NOHASHDIR=1 CCACHE_BASEDIR=$PWD
preset=asan
[ "$seconds" -lt 60 ] || preset=asan-full
log=build/fuzz-build.log
mkdir -p build
mapfile -t targets < <(if [ "$#" -gt 0 ]; then printf '%s\n' "$@"; else find src -name '*_fuzz.cc' -printf '%f\n' | sed 's/\.cc$//' | sort; fi)
{ cmake --preset $preset && cmake --build --preset $preset --target "${targets[@]}"; } >"$log" 2>&1 ||
  { tail -n 30 "$log"; echo "0 passed, 1 failed, 0 skipped"; exit 1; }

fuzz_one() {
  local target=$1 seconds=$2 preset=$3 path words=() found=build/fuzz-corpus/$1 limits=(-max_total_time="$2")
  path=$(find "build/$preset/src" -name "$target" -type f | head -n 1)
  if [ "$seconds" -lt 60 ]; then
    limits=(-seed=1 -runs=$((seconds * 2000)) -max_total_time=120)
    found=build/fuzz-short/$target
    rm -rf "$found"
  fi
  mkdir -p "$found" build/fuzz-corpus
  [ ! -f "tests/fuzz/$target.dict" ] || words=(-dict="tests/fuzz/$target.dict")
  local corpora=("$found")
  [ ! -d "tests/fuzz/corpus/$target" ] || corpora+=("tests/fuzz/corpus/$target")
  if "$path" "${limits[@]}" -timeout=10 -rss_limit_mb=4096 -max_len=65536 -print_final_stats=1 \
      -artifact_prefix="build/fuzz-corpus/$target-" "${words[@]}" "${corpora[@]}" >"build/fuzz-$target.log" 2>&1; then
    echo "ok      $target: $(awk '/number_of_executed_units/ {print $2}' "build/fuzz-$target.log") runs"
  else
    echo "FAILED  $target"
    tail -n 25 "build/fuzz-$target.log"
  fi
}
export -f fuzz_one
out=$(printf '%s\n' "${targets[@]}" | xargs -P "$(nproc)" -I{} bash -c "fuzz_one {} $seconds $preset")
echo "$out"
failed=$(grep -c '^FAILED' <<<"$out")
passed=$(grep -c '^ok' <<<"$out")
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
