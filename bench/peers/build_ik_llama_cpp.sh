#!/usr/bin/env bash
# Builds the second peer of the engine benchmarks, ik_llama.cpp, with gcc from a checkout of its repository: no registry has it.
# Usage: bench/peers/build_ik_llama_cpp.sh SOURCES [DIR]     (DIR defaults to build/peers)
# Leaves DIR/ik_llama.cpp-gcc/bin/{llama-sweep-bench,llama-batched-bench}. Quick when already there.
set -euo pipefail
source=${1:?a folder with the sources of ik_llama.cpp}
root=$(cd "$(dirname "$0")/../.." && pwd)
out=${2:-$root/build/peers}/ik_llama.cpp-gcc
[ -x "$out/bin/llama-sweep-bench" ] && [ -x "$out/bin/llama-batched-bench" ] && exit 0
mkdir -p "$(dirname "$out")"
# Attention over caches of every quantised type takes hours to compile; the comparison's caches are f16.
cmake -S "$source" -B "$out" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache \
  -DGGML_NATIVE=ON -DBUILD_SHARED_LIBS=OFF -DLLAMA_CURL=OFF -DLLAMA_BUILD_TESTS=OFF -DGGML_IQK_FA_ALL_QUANTS=OFF >"$out.configure.log" 2>&1
nice cmake --build "$out" --target llama-sweep-bench llama-batched-bench -j2 >"$out.build.log" 2>&1 || { tail -20 "$out.build.log" >&2; exit 1; }
git -C "$source" rev-parse --short HEAD >"$out/commit" 2>/dev/null || true
