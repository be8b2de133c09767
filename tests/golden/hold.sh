#!/usr/bin/env bash
# Holds the plain reference against transformers on the real models: every weight dequantised by the `gguf` package, f32, 54 contexts
# each, at most 1e-4 of the logit range apart. Usage: tests/golden/hold.sh BUILD [MODEL...]
# Needs STUDIO_MODELS and the environment `golden` (PyTorch: 5.6 GB, made on the first run), so it is no part of `make test`.
set -uo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${1:-build/release}
shift || true
[ $# -gt 0 ] || set -- smollm2-135m-instruct qwen2.5-coder-0.5b-instruct qwen2.5-coder-1.5b-instruct
python=$("$root/tools/python_env.sh" golden)/bin/python || exit 1
passed=0 failed=0 skipped=0
for name in "$@"; do
  model=${STUDIO_MODELS:-}/$name.gguf
  if [ ! -f "$model" ]; then
    echo "skipped: $name is not here"
    skipped=$((skipped + 1))
    continue
  fi
  work=$(mktemp -d)  # some 130 MB of logits
  echo "== $name"
  if "$python" "$root/tools/golden/reference_logits.py" "$model" "$work" 2>&1 | tr '\r' '\n' | tail -n 1 &&
    "$root/$build/tests/golden/hold_reference" "$model" "$work" 2>/dev/null; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
  fi
  rm -rf "$work"
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
