#!/usr/bin/env bash
# Runs run.py with the pinned OpenAI SDK. Usage: tests/batches/run.sh [--full] [WORD...]
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
venv=$("$root/tools/python_env.sh" openai-python)
exec "$venv/bin/python" "$root/tests/batches/run.py" "$@"
