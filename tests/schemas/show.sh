#!/usr/bin/env bash
# The long form: more texts drawn from our own schemas, then answers of a real model held to them, judged by ajv, with the time of holding
# them; then held answers beside the same prompts free. Usage: tests/schemas/show.sh [BUILD_DIR]
# STUDIO_SCHEMAS, where set, is a folder of others' schemas (JSONSchemaBench): how many of them compile, and answers to 300 of them.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
STUDIO_BUILD=${1:-build/release}
[[ $STUDIO_BUILD = /* ]] || STUDIO_BUILD=$root/$STUDIO_BUILD
export STUDIO_BUILD
model=${STUDIO_MODELS:?a folder of models}/qwen2.5-coder-0.5b-instruct.gguf
answers() { "$root/bench/schemas.sh" "$@" --model "$model" --repetition-penalty 1.1; }

if [[ -n ${STUDIO_SCHEMAS:-} ]]; then
  "$root/bench/schemas.sh" "$STUDIO_SCHEMAS"
  answers "$STUDIO_SCHEMAS" --only 300 --tokens 4096
fi
answers "$root/tests/data/schemas.jsonl" --tokens 2048
python3 "$root/bench/constrained/run.py" "$model"
exec "$root/tests/schemas/run.sh" "$STUDIO_BUILD" 50
