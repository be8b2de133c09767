#!/usr/bin/env bash
# Encoders against sentence-transformers and transformers. Usage: tests/encoders/reference.sh [BUILD_DIR [LAYERS]]; see reference.py.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${1:-${STUDIO_BUILD:-build/release}}
source tests/encoders/weights.sh
exec "$(tools/python_env.sh golden)/bin/python" tests/encoders/reference.py "$build/tests/encoders/embed_tool" "$folder" "${@:2}"
