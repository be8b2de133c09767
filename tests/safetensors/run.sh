#!/usr/bin/env bash
# The suite in its Python environment. Usage: tests/safetensors/run.sh [--long] [WORD...]
set -euo pipefail
cd "$(dirname "$0")/../.."
python=$(tools/python_env.sh safetensors)/bin/python
exec "$python" tests/safetensors/run.py "$@"
