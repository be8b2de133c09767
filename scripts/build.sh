#!/usr/bin/env bash
# Builds build/release: the program alone, or with --tests / --bench those too. Installs missing packages first.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
groups=(build) options=() targets=(studio)
for argument in "$@"; do
  case $argument in
    --tests) groups+=(run test) options+=(-DSTUDIO_TESTS=ON) targets=(all) ;;
    --bench) groups+=(run test) options+=(-DSTUDIO_BENCH=ON) targets=(all) ;;
    *) echo "usage: scripts/build.sh [--tests] [--bench]" >&2; exit 2 ;;
  esac
done
scripts/install_packages.sh "${groups[@]}"
# The same source in another folder is the same object: a second clone or preset compiles nothing twice.
export CCACHE_NOHASHDIR=1 CCACHE_BASEDIR=$root CCACHE_MAXSIZE=${CCACHE_MAXSIZE:-5G}

# The page that the program carries; quick when console/ is as it was.
console/build.sh

log=build/release/build.log
mkdir -p build/release
quietly() { "$@" >"$log" 2>&1 || { tail -n 60 "$log" >&2; echo "studio: the build failed; all of it is in $log" >&2; exit 1; }; }
if [ ! -f build/release/build.ninja ] || [ "${#options[@]}" -gt 0 ] || [ CMakePresets.json -nt build/release/build.ninja ]; then
  quietly cmake --preset release "${options[@]}"
fi
if [ -t 2 ]; then
  cmake --build --preset release --target "${targets[@]}" >&2
else
  quietly cmake --build --preset release --target "${targets[@]}"
fi
