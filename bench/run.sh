#!/usr/bin/env bash
# Builds the peers, fetches the models and runs the comparison; results of record go to bench/results/MACHINE.txt.
# Usage: bench/run.sh [OPTIONS of bench/all.py]
# STUDIO_PEERS: a folder of built peers (build/peers); STUDIO_MODELS: a folder of GGUF files, otherwise they are pulled.
# STUDIO_IK_LLAMA_CPP: a checkout of ik_llama.cpp, which no registry has; without it that peer is named as missing.
set -euo pipefail
cd "$(dirname "$0")/.."
export STUDIO_PEERS=${STUDIO_PEERS:-$PWD/build/peers}
for compiler in clang gcc; do bench/peers/build_llama_cpp.sh --server $compiler "$STUDIO_PEERS"; done
[ -z "${STUDIO_IK_LLAMA_CPP:-}" ] || bench/peers/build_ik_llama_cpp.sh "$STUDIO_IK_LLAMA_CPP" "$STUDIO_PEERS"
if [ -z "${STUDIO_MODELS:-}" ]; then
  for name in qwen2.5-coder-0.5b-instruct qwen2.5-coder-1.5b-instruct all-minilm-l6-v2; do
    [ -e "build/bench-data/models/$name.gguf" ] || [ -e "build/bench-data/models/$name" ] || build/release/studio pull "$name" --data build/bench-data --quiet
  done
  export STUDIO_MODELS=$PWD/build/bench-data/models
fi
python3 bench/all.py --keep "$@"
