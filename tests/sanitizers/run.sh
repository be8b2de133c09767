#!/usr/bin/env bash
# Unit tests under sanitizers. Usage: tests/sanitizers/run.sh asan|tsan [MODULE...]
# Without modules: those that read foreign bytes (asan), those that share memory between threads (tsan).
set -uo pipefail
cd "$(dirname "$0")/../.."
preset=${1:?asan or tsan}
shift
modules=("$@")
if [ "${#modules[@]}" -eq 0 ]; then
  case $preset in
    asan) modules=(base engine_formats engine_tokenizer http) ;;
    tsan) modules=(base http store) ;;
    *) echo "asan or tsan, not $preset" >&2; exit 2 ;;
  esac
fi
export CCACHE_NOHASHDIR=1 CCACHE_BASEDIR=$PWD
log=build/$preset-build.log
mkdir -p build
programs=()
cmake --preset "$preset" >"$log" 2>&1 || { tail -n 30 "$log"; echo "0 passed, 1 failed, 0 skipped"; exit 1; }
for module in "${modules[@]}"; do
  ninja -C "build/$preset" -t targets all 2>/dev/null | grep -q "^studio_${module}_test:" && programs+=("studio_${module}_test")
done
cmake --build --preset "$preset" --target "${programs[@]}" >>"$log" 2>&1 || { tail -n 30 "$log"; echo "0 passed, 1 failed, 0 skipped"; exit 1; }

export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1 UBSAN_OPTIONS=print_stacktrace=1 TSAN_OPTIONS=halt_on_error=1
export ASAN_SYMBOLIZER_PATH=/usr/bin/llvm-symbolizer-19 TSAN_SYMBOLIZER_PATH=/usr/bin/llvm-symbolizer-19
# Real weights under a sanitizer take too long; the built-in model runs the same code.
unset STUDIO_MODELS
passed=0 failed=0
for program in "${programs[@]}"; do
  path=$(find "build/$preset/src" -name "$program" -type f | head -n 1)
  if timeout 900 "$path" --gtest_brief=1 >"build/$preset-$program.log" 2>&1; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "FAILED $program"
    tail -n 40 "build/$preset-$program.log"
  fi
done
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
