#!/usr/bin/env bash
# Every block type decodes bit-equal to the `gguf` package, and a generated model of each type runs like the plain reference,
# alike on every kernel set. Usage: tests/formats/run.sh [BUILD_DIR [BLOCKS]]
set -uo pipefail
cd "$(dirname "$0")/../.."
build=${1:-${STUDIO_BUILD:-build/release}}
python=$(tools/python_env.sh gguf)/bin/python || exit 1
out=$("$python" tests/formats/decode_parity.py "$build/tests/formats/formats_tool" "${2:-100000}")
parity=$?
models=$("$build/tests/golden/golden_engine_test" --gtest_filter='Types/*')
runs=$?
sed '$d' <<<"$out"
grep -E '^\[ +(OK|FAILED) +\] Types/' <<<"$models"
ran=$(grep -c -E '^\[ +OK +\] Types/' <<<"$models")
read -r passed failed < <(awk 'END { print $1 + 0, $3 + 0 }' <<<"$out")
failed=$((failed + (parity != 0 && failed == 0) + (runs != 0 || ran == 0)))
echo "$((passed + ran)) passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
