#!/usr/bin/env bash
# Engine against engine on this machine, paired; results of record go to bench/results/MACHINE.txt.
# Usage: bench/run.sh [--pairs N] [MODEL...]     (names of the catalogue; none: the 0.5B and the 1.5B)
# STUDIO_PEERS: a folder of built peers (build/peers); STUDIO_MODELS: a folder of GGUF files, otherwise they are pulled.
# STUDIO_IK_LLAMA_CPP: a checkout of ik_llama.cpp, which no registry has; without it that peer is named as missing.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
pairs=5
[ "${1:-}" = --pairs ] && { pairs=$2; shift 2; }
[ $# -gt 0 ] || set -- qwen2.5-coder-0.5b-instruct qwen2.5-coder-1.5b-instruct
peers=${STUDIO_PEERS:-build/peers}
bench/peers/build_llama_cpp.sh clang "$peers"
bench/peers/build_llama_cpp.sh gcc "$peers"
[ -z "${STUDIO_IK_LLAMA_CPP:-}" ] || bench/peers/build_ik_llama_cpp.sh "$STUDIO_IK_LLAMA_CPP" "$peers"

kind=$(lscpu | awk -F: '/^Vendor ID/ {v = $2} /^CPU family/ {f = $2} /^Model:/ {m = $2} END {gsub(/ /, "", v); gsub(/ /, "", f); gsub(/ /, "", m); print v "-" f "-" m}')
flags=$(grep -m1 -oE 'amx_int8|avx512_vnni|avx_vnni|avx2' /proc/cpuinfo | sort -u | paste -sd, || true)
commit=$(git describe --always --dirty)  # before the results themselves change
mkdir -p bench/results
result=bench/results/$kind.txt
{
  echo "machine: $(lscpu | sed -n 's/^Model name: *//p'), $kind, $(nproc) cores, $flags"
  echo "compiler: $(clang++-19 --version | head -1); commit: $commit"
  if [ -f "$peers/ik_llama.cpp-gcc/commit" ]; then
    echo "peer: ik_llama.cpp $(cat "$peers/ik_llama.cpp-gcc/commit"), built by gcc, with and without -rtr"
  fi
  echo "peer: llama.cpp $(git -C "$peers/llama.cpp" describe --tags --always), built by clang and by gcc, the faster of the two for each figure"
} | tee "$result"
for name in "$@"; do
  model=${STUDIO_MODELS:-}/$name.gguf
  if [ ! -f "$model" ]; then
    build/release/studio pull "$name" --data build/bench-data --quiet
    model=build/bench-data/models/$name.gguf
  fi
  echo "== $name"
  python3 bench/engine_pairs.py --model "$model" --pairs "$pairs" --peers "$peers"
done | tee -a "$result"
