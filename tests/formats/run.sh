#!/usr/bin/env bash
# Every block type decodes bit-equal to the `gguf` package. Usage: tests/formats/run.sh [BUILD_DIR [BLOCKS]]
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${1:-${STUDIO_BUILD:-build/release}}
python=$(tools/python_env.sh gguf)/bin/python
"$python" tests/formats/decode_parity.py "$build/tests/formats/formats_tool" "${2:-100000}"
