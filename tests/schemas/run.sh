#!/usr/bin/env bash
# Our own schemas: texts drawn from them over a real vocabulary, judged by ajv. Usage: tests/schemas/run.sh [BUILD_DIR [DRAWS]]
# BUILD_DIR needs the target schema_tool; STUDIO_MODELS is a folder with the vocabulary. Installs ajv into build/schemas.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${1:-${STUDIO_BUILD:-build/release}}
[[ $build = /* ]] || build=$root/$build
work=$root/build/schemas
mkdir -p "$work"
cp "$root"/tests/schemas/{package.json,package-lock.json,judge.mjs} "$work"
PATH=$(cd "$work" && "$root/tools/npm_ci.sh"):$PATH
export PATH
exec python3 "$root/tests/schemas/check.py" "$build/tests/schemas/schema_tool" \
  "${STUDIO_MODELS:?a folder of models}/qwen2.5-coder-0.5b-instruct.gguf" "$work" "${2:-2}"
