#!/usr/bin/env bash
# Constraints over a folder of schemas, by default three texts each drawn over the real vocabulary and judged by ajv.
# Usage: bench/schemas.sh DIR [--draws N] [--tokens N] [--model FILE [--repetition-penalty X]] [--only N] [--errors N]
# DIR: JSONSchemaBench (github.com/guidance-ai/jsonschemabench: data/, maskbench/data), the tests of JSON-Schema-Test-Suite
# (tests/draft7, ...), any folder of *.json schemas, or a file like tests/data/schemas.jsonl. Prints what compiled and why the rest
# was refused, times, the most memory, and every text or instance that should not have been allowed; fails where there is one.
# With --model FILE the texts are answers of that model by a real server, at temperature 1, and the time of holding them is told. Nothing
# else shapes them but --repetition-penalty X (1: none): a small model that says one thing for ever is cut at --tokens, so that less of it is
# judged; with 1.1 hardly one does. --only N takes N of the schemas.
# STUDIO_BUILD (build/release) needs the target schema_tool; STUDIO_MODELS a folder with the vocabulary.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
folder=$(realpath "${1:?a folder of schemas}")
work=$root/build/schemas
mkdir -p "$work"
cp "$root"/tests/schemas/{package.json,package-lock.json,judge.mjs} "$work"
PATH=$(cd "$work" && "$root/tools/npm_ci.sh"):$PATH
export PATH
build=${STUDIO_BUILD:-build/release}
[[ $build = /* ]] || build=$root/$build
exec python3 "$root/bench/schemas.py" "$folder" --tool "$build/tests/schemas/schema_tool" --work "$work" \
  --vocabulary "${STUDIO_MODELS:?a folder of models}/qwen2.5-coder-0.5b-instruct.gguf" "${@:2}"
