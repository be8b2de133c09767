#!/usr/bin/env bash
# Unit tests under sanitizers. Usage: tests/sanitizers/run.sh asan|tsan [--full] [MODULE...]
# Without modules: those that read foreign bytes (asan), those that share memory between threads (tsan).
# --full: every module; asan optimised and with the kernels instrumented too (preset asan-full).
set -uo pipefail
cd "$(dirname "$0")/../.."
preset=${1:?asan or tsan}
shift
full=
[ "${1:-}" != --full ] || { full=yes; shift; }
modules=("$@")
case $preset in
  asan) of_this_kind=(base http catalogue engine_formats engine_tokenizer engine_templates engine_constrain inference api_serving api_openai api_responses) ;;
  tsan) of_this_kind=(base store http engine_schedule inference api_responses) ;;
  *) echo "asan or tsan, not $preset" >&2; exit 2 ;;
esac
[ "${#modules[@]}" -gt 0 ] || [ -n "$full" ] || modules=("${of_this_kind[@]}")
[ "$full$preset" != yesasan ] || preset=asan-full

# Same source, same object, wherever the clone lies.
export CCACHE_NOHASHDIR=1 CCACHE_BASEDIR=$PWD
log=build/$preset-build.log
mkdir -p build
failed_build() { tail -n 30 "$log"; echo "0 passed, 1 failed, 0 skipped"; exit 1; }
cmake --preset "$preset" >"$log" 2>&1 || failed_build
mapfile -t known < <(ninja -C "build/$preset" -t targets all | sed -n 's/^\(studio_[a-z_]*_test\): phony$/\1/p' | sort -u)
programs=()
for program in "${known[@]}"; do
  module=${program#studio_}
  [ "${#modules[@]}" -gt 0 ] && [[ " ${modules[*]} " != *" ${module%_test} "* ]] || programs+=("$program")
done
[ "${#programs[@]}" -gt 0 ] || { echo "no such module: ${modules[*]}" >&2; exit 2; }
cmake --build --preset "$preset" --target "${programs[@]}" >>"$log" 2>&1 || failed_build

export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1 UBSAN_OPTIONS=print_stacktrace=1 TSAN_OPTIONS=halt_on_error=1
export ASAN_SYMBOLIZER_PATH=/usr/bin/llvm-symbolizer-19 TSAN_SYMBOLIZER_PATH=/usr/bin/llvm-symbolizer-19
# Real weights under a sanitizer take too long; the built-in model runs the same code.
unset STUDIO_MODELS

run_one() {
  local preset=$1 program=$2 path
  path=$(find "build/$preset/src" -name "$program" -type f | head -n 1)
  if timeout 900 "$path" --gtest_brief=1 >"build/$preset-$program.log" 2>&1; then
    echo "ok      $program: $(sed -n 's/^\[  PASSED  \] //p' "build/$preset-$program.log")"
  else
    echo "FAILED  $program"
    tail -n 40 "build/$preset-$program.log"
  fi
}
export -f run_one
out=$(printf '%s\n' "${programs[@]}" | xargs -P "$(nproc)" -I{} bash -c "run_one $preset {}")
echo "$out"
failed=$(grep -c '^FAILED' <<<"$out")
passed=$(grep -c '^ok' <<<"$out")
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
