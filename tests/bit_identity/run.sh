#!/usr/bin/env bash
# Bit-identity over the models at hand. Usage: tests/bit_identity/run.sh BUILD slice|full [--write]
set -uo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
build=$1 size=$2
shift 2
golden=$root/tests/golden/bit_identity
mkdir -p "$golden"
passed=0 failed=0 skipped=0
run() {  # NAME FILE COUNT ARGUMENTS...
  local name=$1 file=$2 count=$3
  shift 3
  if [ ! -f "$file" ]; then
    echo "skipped: $name is not here"
    skipped=$((skipped + 1))
    return
  fi
  echo "== $name, $count requests"
  local out
  out=$("$root/$build/tests/bit_identity/bit_identity" "$file" "$golden/$name.txt" "$count" "$@") || true
  echo "$out"
  read -r p _ f _ <<<"$(tail -n 1 <<<"$out")"
  passed=$((passed + ${p:-0})) failed=$((failed + ${f:-1}))
}
models=${STUDIO_MODELS:-}
run tiny-qwen3 "$root/catalogue/builtin/tiny-qwen3.gguf" 500 "$@"
run tiny-qwen3.int8 "$root/catalogue/builtin/tiny-qwen3.gguf" 120 --kv-type int8 "$@"
if [ "$size" = full ]; then
  run smollm2-135m-instruct "$models/smollm2-135m-instruct.gguf" 500 --slow-tokens 160 "$@"
  run qwen2.5-coder-0.5b-instruct "$models/qwen2.5-coder-0.5b-instruct.gguf" 60 --alone --slow-tokens 32 "$@"
  run qwen2.5-coder-1.5b-instruct "$models/qwen2.5-coder-1.5b-instruct.gguf" 20 --alone --slow-tokens 24 "$@"
else
  run smollm2-135m-instruct "$models/smollm2-135m-instruct.gguf" 32 --rows 6 --slow-tokens 40 "$@"
  run qwen2.5-coder-0.5b-instruct "$models/qwen2.5-coder-0.5b-instruct.gguf" 6 --rows 2 "$@"
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
