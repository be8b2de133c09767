#!/usr/bin/env bash
# Adapters under load and against PEFT: tests/adapters/show.sh [BUILD]. STUDIO_MODELS: the folder of the real models.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${1:-${STUDIO_BUILD:-$root/build/release}}
work=$(mktemp -d "${TMPDIR:-/tmp}/studio-adapters-XXXXXX")
trap 'rm -rf "$work"' EXIT
failed=0
STUDIO_BUILD=$build "$root/tests/adapters/under_load.py" 1000 | tee "$work/under_load" || failed=1
"$root/tools/golden/peft_env.sh" "$root/tools/golden/make_adapters.py" "$work/golden" 2>"$work/log" || { tail -n 20 "$work/log" >&2; exit 1; }
"$root/tools/golden/peft_env.sh" "$root/tests/adapters/real.py" --golden "$work/golden" --tool "$build/tests/adapters/adapter_logits" --work "$work" \
  "${STUDIO_MODELS:?the folder of the models}/smollm2-135m-instruct.gguf" "$STUDIO_MODELS/qwen2.5-coder-0.5b-instruct.gguf" |
  tee "$work/against_peft" || failed=1
cat "$work/under_load" "$work/against_peft" | awk '/^[0-9]+ passed, / { passed += $1; failed += $3 } END { print passed " passed, " failed " failed, 0 skipped" }'
exit $failed
